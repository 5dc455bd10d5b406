// The time of day, in steps of a second, for parts that show how long something lasts.
export class Clock {
  now = $state(Date.now());
  #using = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** With `fixed` the time stands still, as the gallery wants it. */
  constructor(private readonly fixed?: number) {
    if (fixed !== undefined) this.now = fixed;
  }

  /** Runs the clock until the returned function is called. With no user it does not wake the computer. */
  run(): () => void {
    if (this.fixed !== undefined) return () => {};
    if (this.#using++ === 0) {
      this.now = Date.now();
      this.#timer = setInterval(() => (this.now = Date.now()), 250);
    }
    return () => {
      if (--this.#using === 0) clearInterval(this.#timer);
    };
  }
}
