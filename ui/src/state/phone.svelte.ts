// The last snapshot of the phone, and what travels beside it: levels and quality. Nothing here is worked out; the
// phone says it all.
import { Door, Refused, type Command, type ContractError, type Host, type Levels, type Line, type Notice, type PhoneState, type Quality, type ReplyOk, type Shell } from '../ipc';

type Watched = 'levels' | 'quality';
/** Keys of the far end that are shown at most, and for how long after the last. */
const MOST_KEYS = 16;
const KEYS_MS = 5000;

export class Phone {
  state = $state.raw<PhoneState | null>(null);
  /** By call; the microphone that is only listened to is under the empty name. */
  levels = $state.raw<Record<string, Levels>>({});
  quality = $state.raw<Record<string, Quality>>({});
  /** The keys that the far end pressed last, by call; they are shown for a while. */
  keys = $state.raw<Record<string, string>>({});
  /** The last wish that the phone refused. It stays until it is closed or another wish is granted. */
  refusal = $state.raw<ContractError | null>(null);
  /** Does the call window show what rings? Then this one does not. */
  elsewhere = $state(false);
  #door: Door;
  #shown: Record<string, ReturnType<typeof setTimeout>> = {};
  #watching: Record<Watched, number> = { levels: 0, quality: 0 };

  constructor(host: Host) {
    this.#door = new Door(host);
  }

  open(): Promise<void> {
    return this.#door.open((line) => this.#hear(line));
  }

  /** Asks and leaves a refusal to the caller. */
  ask(command: Command): Promise<ReplyOk> {
    return this.#door.ask(command);
  }

  /** Asks; a refusal is shown to the person. `null` when refused. */
  async wish(command: Command): Promise<ReplyOk | null> {
    try {
      const ok = await this.ask(command);
      this.refusal = null;
      return ok;
    } catch (reason) {
      if (!(reason instanceof Refused)) throw reason;
      this.refusal = reason.error;
      return null;
    }
  }

  /** Has `what` sent until the returned function is called; several parts of the window may watch at once. */
  watch(what: Watched): () => void {
    if (this.#watching[what]++ === 0) void this.#door.ask({ do: 'watch', watch: what }).catch(() => {});
    return () => {
      if (--this.#watching[what] === 0) void this.#door.ask({ do: 'unwatch', watch: what }).catch(() => {});
    };
  }

  #hear(line: Line | Shell) {
    if ('state' in line) this.#take(line.state);
    else if ('levels' in line) this.levels = { ...this.levels, [line.levels.call ?? '']: line.levels };
    else if ('quality' in line) this.quality = { ...this.quality, [line.quality.call]: line.quality };
    else if ('notice' in line) this.#notice(line.notice);
    else if ('elsewhere' in line) this.elsewhere = line.elsewhere;
  }

  #notice(notice: Notice) {
    if (notice.is !== 'dtmf') return;
    const keys = ((this.keys[notice.call] ?? '') + notice.digit).slice(-MOST_KEYS);
    this.keys = { ...this.keys, [notice.call]: keys };
    clearTimeout(this.#shown[notice.call]);
    this.#shown[notice.call] = setTimeout(() => {
      this.keys = Object.fromEntries(Object.entries(this.keys).filter(([call]) => call !== notice.call));
      delete this.#shown[notice.call];
    }, KEYS_MS);
  }

  #take(state: PhoneState) {
    const gone = (call: string) => call !== '' && !state.calls.some(({ id }) => id === call);
    const kept = <T>(of: Record<string, T>) => Object.fromEntries(Object.entries(of).filter(([call]) => !gone(call)));
    if (Object.keys(this.levels).some(gone)) this.levels = kept(this.levels);
    if (Object.keys(this.quality).some(gone)) this.quality = kept(this.quality);
    this.state = state;
  }
}
