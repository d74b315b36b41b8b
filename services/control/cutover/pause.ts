/** The time for which writers wait: it begins with the fence and ends with the flag, or when it is used up. */
export class Pause {
  readonly #maxMs: number;
  readonly #over = new AbortController();
  #startedAt: number | undefined;
  #isUsedUp = false;

  /** @param stop what ends the cutover, in the pause and out of it. */
  constructor(maxMs: number, stop: AbortSignal) {
    this.#maxMs = maxMs;
    if (stop.aborted) this.#over.abort(stop.reason);
    else stop.addEventListener('abort', () => this.#over.abort(stop.reason), { once: true });
  }

  /** Begun again it goes on. */
  begin(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    setTimeout(() => {
      this.#isUsedUp = !this.signal.aborted;
      this.#over.abort(new Error('the write pause is used up'));
    }, this.#maxMs).unref();
  }

  /** Ends whatever is done then: outside of the pause only by the operator. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get isUsedUp(): boolean {
    return this.#isUsedUp;
  }

  /** How long it has been going on; null before it has begun. */
  get ms(): number | null {
    return this.#startedAt === undefined ? null : Math.round(performance.now() - this.#startedAt);
  }
}
