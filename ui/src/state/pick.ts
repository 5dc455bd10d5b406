// Which account and which call the window shows. Pure: from a snapshot, and nothing remembered.
import type { Account, Call, LineState, PhoneState } from '../ipc';

/** The shape of a line's mark. Colour never stands alone: round, open ring, diamond, bar. */
export type Shape = 'ready' | 'working' | 'failed' | 'off';

export function shapeOf(line: LineState): Shape {
  switch (line.is) {
    case 'registered':
      return 'ready';
    case 'failed':
      return 'failed';
    case 'off':
      return 'off';
    default:
      return 'working';
  }
}

/** The account that `call` without an account takes, by the same rule as the phone's. */
export function headAccount(state: PhoneState): Account | null {
  const chosen = state.accounts.find(({ id }) => id === state.settings.defaultAccount);
  if (chosen) return chosen;
  const own = state.accounts.filter(({ practice, enabled }) => !practice && enabled);
  if (own.length === 1) return own[0] ?? null;
  return own[0] ?? state.accounts.find(({ practice }) => practice) ?? state.accounts[0] ?? null;
}

/** The worst line of the accounts that the header does not name; null when all of them are well. */
export function worstOfOthers(state: PhoneState): Account | null {
  const head = headAccount(state);
  const others = state.accounts.filter(({ id, enabled }) => id !== head?.id && enabled);
  return others.find(({ line }) => shapeOf(line) === 'failed') ?? others.find(({ line }) => shapeOf(line) === 'working') ?? null;
}

export const isEnded = (call: Call) => call.phase.is === 'ended';
/** May a second call be made beside this one? It is put on hold for that, or is already. */
export const mayAdd = (call: Call) => call.can.includes('hold') || call.can.includes('resume');
export const isIncoming = (call: Call) => call.phase.is === 'incoming';

/**
 * The call that fills the window: one that rings and was not silenced, then the active one, then one being made,
 * then whatever rings silently or waits on hold; at last one that has just ended.
 */
export function shownCall(calls: Call[]): Call | null {
  const live = calls.filter((call) => !isEnded(call));
  return (
    live.findLast((call) => isIncoming(call) && !call.silenced) ??
    live.find(({ active }) => active) ??
    live.findLast((call) => !isIncoming(call) && call.hold !== 'local' && call.hold !== 'both') ??
    live.findLast(isIncoming) ??
    live.at(-1) ??
    calls.findLast(isEnded) ??
    null
  );
}

/** The calls that wait as cards above the shown one. */
export function waitingCalls(calls: Call[], shown: Call | null): Call[] {
  return calls.filter((call) => call.id !== shown?.id && !isEnded(call));
}

/** What the header's failure note is about: the head account's failed line. */
export function failedLine(account: Account | null) {
  return account?.line.is === 'failed' ? account.line.error : null;
}
