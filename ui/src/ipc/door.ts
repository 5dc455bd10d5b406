// The one door of the window: lines come in, commands go out, an answer finds the one who asked.
import type { Command, Error as ContractError, Line, Ok as ReplyOk, Reply } from './contract';

/** What the shell tells the main window beside the phone's lines: a call that rings is shown by the call window. */
export type Shell = { elsewhere: boolean };

/** Where the phone is: behind Tauri, or a fake one for the gallery and the tests. */
export interface Host {
  /** Hears every line of the phone from now on, a whole state first. */
  attach(hear: (line: Line | Shell) => void): Promise<void>;
  /** Hands a command over. The answer is a line `{"reply":id,…}`. */
  send(id: number, command: Command): Promise<void>;
}

/** What a refused wish throws: the phone's own error, worded for a person. */
export class Refused extends Error {
  constructor(readonly error: ContractError) {
    super(error.message);
  }
}

type Waiting = { done: (ok: ReplyOk) => void; fail: (error: Refused) => void };

export class Door {
  #next = 1;
  #waiting = new Map<number, Waiting>();

  constructor(private readonly host: Host) {}

  /** Joins the phone. `hear` gets every line but the answers to this window's own commands. */
  open(hear: (line: Line | Shell) => void): Promise<void> {
    return this.host.attach((line) => {
      if ('reply' in line) this.#answer(line);
      else hear(line);
    });
  }

  /** Asks the phone for something. A refusal rejects with {@link Refused}. */
  ask(command: Command): Promise<ReplyOk> {
    const id = this.#next++;
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      this.host.send(id, command).catch((reason: unknown) => {
        this.#waiting.delete(id);
        fail(new Refused(unreachable(String(reason))));
      });
    });
  }

  #answer(line: Reply) {
    if (typeof line.reply !== 'number') return;
    const waiting = this.#waiting.get(line.reply);
    this.#waiting.delete(line.reply);
    if (!waiting) return;
    if (line.error) waiting.fail(new Refused(line.error));
    else waiting.done(line.ok ?? {});
  }
}

/** The shell refused the command before the phone saw it: our own fault, said without hiding the word it used. */
function unreachable(detail: string): ContractError {
  return {
    code: 'internal', message: detail, why: null, hint: null, act: null, who: 'phone',
    sip: null, detail, at: new Date().toISOString(), cert: null,
  };
}
