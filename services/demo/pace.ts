import { setTimeout as sleep } from 'node:timers/promises';

/** Hands out moments at a fixed rate, whoever asks; those that were missed are handed out at once. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #intervalMs: number;
  readonly #stopping = new AbortController();
  #slots = 0;
  #behindMs = 0;

  constructor(ratePerSecond: number) {
    this.#intervalMs = 1_000 / ratePerSecond;
  }

  get behindMs(): number {
    return Math.round(this.#behindMs);
  }

  /** Resolves when the next moment has come; false once stopped. */
  async next(): Promise<boolean> {
    const dueAt = this.#startedAt + this.#slots++ * this.#intervalMs;
    const aheadMs = dueAt - performance.now();
    // A timer cannot wait for less than a millisecond.
    if (aheadMs >= 1) await sleep(aheadMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    this.#behindMs = Math.max(0, performance.now() - dueAt);
    return !this.#stopping.signal.aborted;
  }

  stop(): void {
    this.#stopping.abort();
  }
}
