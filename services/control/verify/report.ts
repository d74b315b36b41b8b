/** What verification found; this is what `ferry verify --json` prints. */
export interface VerifyReport {
  /** Every table is equal. */
  readonly ok: boolean;
  /** In the order in which they were given. */
  readonly tables: readonly TableReport[];
  readonly durationMs: number;
}

export interface TableReport {
  /** `schema.table`. */
  readonly source: string;
  readonly target: string;
  /** Rows of the source, and of the target; of a table with lineage those that came from this source table. Taken chunk by chunk: while writes go on they are of no single moment. */
  readonly rows: number;
  readonly targetRows: number;
  /** Sum of the row hashes modulo 2^64, 16 hex digits. Of what was compared, so equal tables have equal ones. */
  readonly checksum: { readonly source: string; readonly target: string };
  /** No row differs, and none is left unsettled. */
  readonly equal: boolean;
  /** The rows that really differ, at most {@link MAX_NAMED_DIFFERENCES} of them. */
  readonly differences: readonly Difference[];
  readonly differencesTotal: number;
  /** Of a table with lineage: rows that stand in the target, and those that others are before. */
  readonly lineage?: { readonly standing: number; readonly behind: number };
  /** Rows that changed each time they were looked at again, so that nothing can be said about them. */
  readonly unsettled: number;
  /** Rows that differed, and do not any more since they were read again; absent where nothing was to be repaired. */
  readonly repaired?: number;
}

export interface Difference {
  /** Values of the key columns, in index order, as PostgreSQL's text; of a table without a key the hash of the row. */
  readonly key: readonly string[];
  /** `missing` from the target, `extra` in the target, or in both and `different`. */
  readonly kind: 'missing' | 'extra' | 'different';
  /**
   * The columns whose values differ, by their names in the source, of a table with rules by those in the target; only
   * of `different`.
   */
  readonly columns?: readonly string[];
  /**
   * Of a table with lineage: what came from the source is right, and the row of the target table is not what it should be
   * by that. The key is the target's.
   */
  readonly isStanding?: true;
}

/** More names do not help a person, and a table that is all wrong must not fill the memory. */
export const MAX_NAMED_DIFFERENCES = 100;

/** Of a table that differs in more rows a copy is the shorter way. */
export const MAX_REPAIRED_ROWS = 10_000;

/** Rows and the sum of their hashes, the hashes being signed 64-bit numbers. */
export interface Tally {
  readonly rows: number;
  readonly sum: bigint;
}

export const EMPTY_TALLY: Tally = { rows: 0, sum: 0n };

export function addTallies(a: Tally, b: Tally): Tally {
  return { rows: a.rows + b.rows, sum: a.sum + b.sum };
}

export function subtractTallies(a: Tally, b: Tally): Tally {
  return { rows: a.rows - b.rows, sum: a.sum - b.sum };
}

export function equalTallies(a: Tally, b: Tally): boolean {
  return a.rows === b.rows && a.sum === b.sum;
}

export function formatChecksum(tally: Tally): string {
  return BigInt.asUintN(64, tally.sum).toString(16).padStart(16, '0');
}
