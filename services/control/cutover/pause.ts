/** The time for which writers wait: it begins with the fence and ends with the flag, or when it is used up. */
export class Pause {
  readonly #maxMs: number;
  readonly #stop: AbortSignal;
  #startedAt: number | undefined;
  #end: AbortSignal | undefined;

  /** @param stop what ends the cutover, in the pause and out of it. */
  constructor(maxMs: number, stop: AbortSignal) {
    this.#maxMs = maxMs;
    this.#stop = stop;
  }

  /** Begun again it goes on. */
  begin(): void {
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    this.#end = AbortSignal.timeout(this.#maxMs);
  }

  /** Ends whatever is done now: outside of the pause only by the operator. */
  get signal(): AbortSignal {
    return this.#end ? AbortSignal.any([this.#stop, this.#end]) : this.#stop;
  }

  get isUsedUp(): boolean {
    return this.#end?.aborted === true;
  }

  /** How long it has been going on; null before it has begun. */
  get ms(): number | null {
    return this.#startedAt === undefined ? null : Math.round(performance.now() - this.#startedAt);
  }
}
