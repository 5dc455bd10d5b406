// What every part of the window shares.
import { createContext } from 'svelte';
import type { Call, Host } from '../ipc';
import { Clock } from './clock.svelte';
import { Guard } from './guard';
import { History } from './history.svelte';
import { Phone } from './phone.svelte';
import { headAccount, isEnded, isIncoming, shownCall, waitingCalls } from './pick';
import { View } from './view.svelte';

export class App {
  readonly phone: Phone;
  readonly history: History;
  readonly view = new View();
  readonly guard = new Guard();
  readonly clock: Clock;

  constructor(host: Host, now?: number) {
    this.phone = new Phone(host);
    this.history = new History(this.phone);
    this.clock = new Clock(now);
  }

  /** The calls of this window: what rings in the call window is not here too. */
  readonly calls = $derived.by(() => {
    const calls = this.phone.state?.calls ?? [];
    return this.phone.elsewhere ? calls.filter((call) => !isIncoming(call)) : calls;
  });
  readonly head = $derived.by(() => (this.phone.state ? headAccount(this.phone.state) : null));
  readonly #current = $derived.by(() => shownCall(this.calls));
  /** The call that fills the window: a live one, or the kept card of one that ended. */
  readonly shown: Call | null = $derived.by(() => (this.#current && !isEnded(this.#current) ? this.#current : this.view.ended));
  readonly waiting = $derived.by(() => waitingCalls(this.calls, this.shown));

  /** Takes notice of a new snapshot: the ended card, and the guard against presses meant for what stood before. */
  follow() {
    const current = this.#current;
    this.view.follow(current);
    this.guard.see(current ? `${current.id} ${current.phase.is}` : null);
  }

  account(id: string) {
    return this.phone.state?.accounts.find((account) => account.id === id) ?? null;
  }

  /** Calls what is typed, or whoever was called last. */
  call(to: string, account?: string) {
    this.view.field = '';
    this.view.adding = false;
    this.view.ended = null;
    return this.phone.wish({ do: 'call', to, ...(account === undefined ? {} : { account }) });
  }

  /** What the last outgoing call dialled. */
  get last() {
    return this.history.rows.find(({ direction }) => direction === 'out') ?? null;
  }

  /** A key of the keypad outside of a call: it lands in the field and is heard here. + has no tone. */
  async key(digit: string) {
    this.view.field += digit;
    if (digit !== '+') await this.phone.wish({ do: 'key', key: digit });
  }

  /** Sends tones and writes them down. */
  async tone(call: Call, digits: string) {
    if (!call.can.includes('dtmf')) return;
    this.view.tone(call.id, digits);
    await this.phone.wish({ do: 'dtmf', call: call.id, digits });
  }
}

export const [useApp, setApp] = createContext<App>();
