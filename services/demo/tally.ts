import type { ApplicationSide } from './adapters/application-pool.js';

/** Counts since the start. */
export interface Counts {
  /** Acknowledged by the server. */
  readonly committed: number;
  /** Attempts that the fence refused; each was tried again. */
  readonly refused: number;
  /** Transactions that were given up; they have written nothing. */
  readonly failed: number;
  /** Transactions whose COMMIT was never answered. */
  readonly unknown: number;
  readonly writesOnSource: number;
  readonly writesOnTarget: number;
  /** The longest time without an accepted write in which the fence refused some, in ms; 0 when it never did. */
  readonly pauseMs: number;
  /** Of those that an accepted write in a project ended: the target's is that of the cutover, the source's that of a rollback. */
  readonly pauseMsInto: Readonly<Record<ApplicationSide, number>>;
  /** The longest time between two accepted writes, in ms, whatever the reason. */
  readonly longestPauseMs: number;
}

/** Counts what became of every transaction. Pure: the caller says when things happened, in ms of one clock. */
export class Tally {
  /** Numbers of the transactions. */
  readonly unknown: number[] = [];
  readonly failed: number[] = [];
  /** Why transactions were given up -> how many. */
  readonly errors = new Map<string, number>();
  readonly #writes = { source: 0, target: 0 };
  #refused = 0;
  readonly #pauseMs = { source: 0, target: 0 };
  #longestPauseMs = 0;
  #lastCommitAt: number;
  /** Since the last commit: when the first of the refused attempts began. */
  #refusedSince: number | undefined;
  /** As longestPauseMs, since it was last taken. */
  #recentPauseMs = 0;

  constructor(startedAt: number) {
    this.#lastCommitAt = startedAt;
  }

  committed(side: ApplicationSide, at: number): void {
    this.#writes[side] += 1;
    const gapMs = at - this.#lastCommitAt;
    this.#longestPauseMs = Math.max(this.#longestPauseMs, gapMs);
    this.#recentPauseMs = Math.max(this.#recentPauseMs, gapMs);
    if (this.#refusedSince !== undefined) {
      // Writes that were accepted while others waited are no pause: it begins behind the last of them.
      const pauseMs = at - Math.max(this.#refusedSince, this.#lastCommitAt);
      this.#pauseMs[side] = Math.max(this.#pauseMs[side], pauseMs);
      this.#refusedSince = undefined;
    }
    this.#lastCommitAt = at;
  }

  /** @param startedAt when the attempt began: from then on it was held up. */
  refused(startedAt: number): void {
    this.#refused += 1;
    this.#refusedSince = Math.min(this.#refusedSince ?? startedAt, startedAt);
  }

  gaveUp(number: number, reason: string): void {
    this.failed.push(number);
    this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1);
  }

  unanswered(number: number): void {
    this.unknown.push(number);
  }

  counts(): Counts {
    const { source, target } = this.#writes;
    const pauseMsInto = { source: Math.round(this.#pauseMs.source), target: Math.round(this.#pauseMs.target) };
    return {
      committed: source + target,
      refused: this.#refused,
      failed: this.failed.length,
      unknown: this.unknown.length,
      writesOnSource: source,
      writesOnTarget: target,
      pauseMs: Math.max(pauseMsInto.source, pauseMsInto.target),
      pauseMsInto,
      longestPauseMs: Math.round(this.#longestPauseMs),
    };
  }

  /** The longest time without an accepted write since the last call, one that still lasts included. */
  takeRecentPauseMs(now: number): number {
    const recent = Math.max(this.#recentPauseMs, now - this.#lastCommitAt);
    this.#recentPauseMs = 0;
    return Math.round(recent);
  }
}
