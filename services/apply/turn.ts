import { FerryError } from '../../core/errors.js';
import { limitedTo } from '../../platform/time-limit.js';
import { BatchFailed } from './apply-partition.js';

/** However slow the machine is. */
const MOST_MS = 60_000;

/**
 * A share of time that work has again and again while other work waits for its own. On a busy machine planning may take
 * all of it: one that is over before anything was written is twice as long the next time.
 */
export class Turn {
  readonly #usualMs: number;
  #forMs: number;

  constructor(usualMs: number) {
    this.#usualMs = usualMs;
    this.#forMs = usualMs;
  }

  /**
   * @param work is told when its turn is over, and calls `wrote` when it has written something.
   * @returns undefined when the turn was over while the work waited for other partitions: it comes there again.
   */
  async take<T>(
    signal: AbortSignal,
    work: (turn: AbortSignal, wrote: () => void) => Promise<T>,
  ): Promise<T | undefined> {
    const turn = limitedTo(this.#forMs, signal);
    let hasWritten = false;
    try {
      return await work(turn, () => {
        hasWritten = true;
      });
    } catch (error) {
      const reason = error instanceof BatchFailed ? error.reason : error;
      if (turn.aborted && reason instanceof FerryError && reason.code === 'connection-lost') return undefined;
      throw error;
    } finally {
      this.#forMs = turn.aborted && !hasWritten ? Math.min(2 * this.#forMs, MOST_MS) : this.#usualMs;
    }
  }
}
