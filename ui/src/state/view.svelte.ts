// Where the person is in the window. None of it is about the phone: closing the window loses nothing.
import type { Call } from '../ipc';
import { isEnded } from './pick';

export type Page =
  | { is: 'evidence'; account: string }
  | { is: 'settings' }
  | { is: 'account'; account: string | null; test?: string }
  | { is: 'sound' }
  | { is: 'appearance' };

export type Tab = 'calls' | 'keypad';

export class View {
  tab = $state<Tab>('calls');
  field = $state('');
  /** Pages above the first, the last on top. */
  pages = $state.raw<Page[]>([]);
  /** The keypad of the call is open. */
  pad = $state(false);
  /** A second call is being made beside the one that is shown. */
  adding = $state(false);
  /** The sheet of keys is open. */
  sheet = $state(false);
  /** The tones sent, by call. */
  tones = $state.raw<Record<string, string>>({});
  /** The last picture of a call that ended, for as long as it is looked at. */
  ended = $state.raw<Call | null>(null);
  #held = false;
  /** Closed by hand while the phone still knows it. */
  #closed: string | null = null;

  get page(): Page | null {
    return this.pages.at(-1) ?? null;
  }

  go(page: Page) {
    this.pages = [...this.pages, page];
  }

  /** One step back; false when there is nothing to go back from. */
  back(): boolean {
    if (this.sheet) this.sheet = false;
    else if (this.pages.length > 0) this.pages = this.pages.slice(0, -1);
    else if (this.pad) this.pad = false;
    else if (this.field) this.field = '';
    else if (this.adding) this.adding = false;
    else if (this.ended) this.close();
    else return false;
    return true;
  }

  home() {
    this.pages = [];
    this.adding = false;
  }

  tone(call: string, digits: string) {
    this.tones = { ...this.tones, [call]: ((this.tones[call] ?? '') + digits).slice(-24) };
  }

  /** Takes the shown call of a new state: an ended one stays while it is held, even when the phone has let it go. */
  follow(shown: Call | null) {
    if (shown && isEnded(shown)) {
      if (this.#closed !== shown.id) this.ended = shown;
    } else if (shown || !this.#held) this.ended = null;
    if (!shown || isEnded(shown)) this.pad = false;
    if (!shown) this.adding = false;
    this.#present = shown !== null;
  }
  #present = false;

  /** The pointer or the focus came onto the card of the ended call, or left it. */
  hold(held: boolean) {
    this.#held = held;
    if (!held && !this.#present) this.ended = null;
  }

  /** The card is closed by hand. */
  close() {
    if (this.ended) this.#closed = this.ended.id;
    this.#held = false;
    this.ended = null;
  }
}
