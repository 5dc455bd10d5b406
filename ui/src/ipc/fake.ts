// A phone without a phone, for the gallery and the tests: it shows the states it is given, answers as it is told,
// and remembers what it was asked. The window cannot tell it from the real one.
import type { Command, Error as ContractError, Line, Ok as ReplyOk, PhoneState } from './contract';
import type { Host, Shell } from './door';

type Answer = (ReplyOk & { error?: undefined }) | { error: ContractError };

export class Fake implements Host {
  /** Every command in the order it came. */
  readonly asked: Command[] = [];
  #hear: (line: Line | Shell) => void = () => {};

  constructor(
    public state: PhoneState,
    private readonly answer: (command: Command, phone: Fake) => Answer = () => ({}),
  ) {}

  async attach(hear: (line: Line | Shell) => void) {
    this.#hear = hear;
    this.say({ hello: { name: 'bellbird', version: '0.0.0', contract: 1 } });
    this.say({ state: this.state });
  }

  async send(id: number, command: Command) {
    this.asked.push(command);
    const answer = this.answer(command, this);
    this.say(answer.error ? { reply: id, error: answer.error } : { reply: id, ok: answer });
  }

  say(line: Line | Shell) {
    this.#hear(line);
  }

  /** Publishes the next state. */
  change(part: Partial<PhoneState>) {
    this.state = { ...this.state, ...part, seq: this.state.seq + 1 };
    this.say({ state: this.state });
  }
}
