import type { Key } from './queries.js';

/** A row as one side showed it. */
export interface RowState {
  readonly hash: bigint;
  /** More than one only where no unique index tells rows apart; the hash is the sum of theirs. */
  readonly rows: number;
  /** The same only while nobody has written the row. */
  readonly version: string;
}

/** One look at a row: at the source, then, once apply had passed the LSN of that moment, at the target. */
export interface Observation {
  readonly key: Key;
  /** Undefined: there was no such row. */
  readonly source: RowState | undefined;
  /** Hashes that the source showed from then until the target was read; undefined stands for no row. */
  readonly sampled: ReadonlySet<bigint | undefined>;
  readonly target: RowState | undefined;
}

/** `equal`, really `different`, or to be looked at `again`. */
export type Verdict = 'equal' | 'different' | 'again';

/**
 * Judges a row by its last two looks.
 *
 * A target that has applied everything up to the first read of the source holds what the source held at that moment or
 * later: it is equal when it shows what the source showed at any time between that read and the next. It is different
 * when it shows something else although neither side's row was written from one look to the next. In between,
 * nothing is known: the row changes too often, or has just changed.
 */
export function judge(previous: Observation | undefined, current: Observation): Verdict {
  const shown = current.target?.hash;
  if (current.source?.hash === shown || current.sampled.has(shown)) return 'equal';
  if (!previous) return 'again';
  if (previous.target?.hash === current.source?.hash) return 'equal';
  const isUnwritten =
    previous.source?.version === current.source?.version && previous.target?.version === current.target?.version;
  return isUnwritten ? 'different' : 'again';
}
