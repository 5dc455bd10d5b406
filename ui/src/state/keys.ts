// What a key means. Pure: from the key and where the person is, to one action or none.
export type Action =
  | { is: 'digit'; digit: string }
  | { is: 'tone'; digit: string }
  | { is: 'back' | 'field' | 'sheet' | 'callback' | 'keypad' }
  | { is: 'mute' | 'hold' }
  | { is: 'hangup' | 'answer' | 'decline' }
  | { is: 'tab'; tab: number };

export interface Key {
  key: string;
  ctrl: boolean;
  alt: boolean;
  shift: boolean;
}

export interface Where {
  /** The focus is in a text field. */
  typing: boolean;
  /** The focus is on a button, a link or an option, which has Enter and Space to itself. */
  pressing: boolean;
  /** A call fills the window. */
  call: boolean;
  /** It rings here. */
  ringing: boolean;
  /** The focus is inside the ringing call. */
  onRinging: boolean;
  /** Something lies above the first page: a page, a sheet, the keypad of a call, text in the field. */
  above: boolean;
  /** The field is on the page. */
  field: boolean;
}

/** What `key` does at `where`; `null` leaves it to the focused part. */
export function actionOf({ key, ctrl, alt, shift }: Key, where: Where): Action | null {
  if (alt) return null;
  if (key === 'F1') return { is: 'sheet' };
  if (key === 'Escape') return escape(where);
  if (ctrl) return withControl(key.toLowerCase(), where);
  if (where.typing) return null;
  if (key === 'Enter') return where.ringing && where.onRinging && !where.pressing ? { is: 'answer' } : null;
  if (/^[0-9*#+]$/.test(key)) return digit(key, where);
  if (shift) return null;
  return plain(key.toLowerCase(), where);
}

// First back, and only with nothing to go back from and the focus on it, decline: a key hit twice ends no call.
function escape(where: Where): Action | null {
  if (where.above) return { is: 'back' };
  return where.ringing && where.onRinging ? { is: 'decline' } : null;
}

function withControl(key: string, where: Where): Action | null {
  if (key === 'd') return where.call && !where.ringing ? { is: 'hangup' } : null;
  if (key === 'f') return where.field ? { is: 'field' } : null;
  if (/^[1-4]$/.test(key)) return { is: 'tab', tab: Number(key) };
  return null;
}

function digit(digit: string, where: Where): Action | null {
  if (where.field) return { is: 'digit', digit };
  return where.call && !where.ringing && digit !== '+' ? { is: 'tone', digit } : null;
}

function plain(key: string, where: Where): Action | null {
  if (key === '/') return where.field ? { is: 'field' } : null;
  if (key === 'k') return where.ringing ? null : { is: 'keypad' };
  if (key === 'r') return where.call ? null : { is: 'callback' };
  if (!where.call || where.ringing) return null;
  if (key === 'm') return { is: 'mute' };
  return key === 'h' ? { is: 'hold' } : null;
}
