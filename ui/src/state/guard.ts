// Nothing moves under the hand: for a moment after a call changes its phase, no press counts, for it was meant for
// what stood there before.
export const CALM_MS = 400;

export class Guard {
  #seen: string | null = null;
  #until = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Tells which call is shown in which phase; a change closes the guard for a while. */
  see(shown: string | null) {
    if (shown === this.#seen) return;
    // What is there at the start was not moved under anybody's hand.
    if (this.#seen !== null && shown !== null) this.#until = this.now() + CALM_MS;
    this.#seen = shown;
  }

  /** Runs `action` unless the guard is closed. */
  press<T>(action: () => T): T | undefined {
    return this.open ? action() : undefined;
  }

  get open(): boolean {
    return this.now() >= this.#until;
  }
}
