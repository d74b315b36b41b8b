import { createHash } from 'node:crypto';
import type { Key } from './queries.js';
import type { TimedReport } from './record.js';
import { NOTHING_COMPARED, type RangeResult } from './settle-range.js';
import type { TableShape } from './table-shape.js';

/** How far the comparison of a table is. */
export interface TableWalk {
  /** Rows by the source's keys, then those that only the target may have, then no more. */
  readonly phase: 'rows' | 'beyond' | 'ended';
  /** The last key of the phase that was compared; undefined at its beginning. */
  readonly after: Key | undefined;
  /** Of all that was compared. */
  readonly total: RangeResult;
}

export const NOT_BEGUN: TableWalk = { phase: 'rows', after: undefined, total: NOTHING_COMPARED };

/** What is kept of a table while it is compared, and until the whole verification has ended. */
export interface TableProgress {
  /** {@link shapeDigest} of what was compared. */
  readonly shape: string;
  /** How long it has taken so far. */
  readonly ms: number;
  readonly walk: TableWalk;
  /** Of a table that is done. */
  readonly report?: TimedReport;
}

/** Keeps how far tables are compared, so that a verification that was interrupted can go on. */
export interface VerificationMemory {
  /** Undefined: it has not begun. */
  of(table: TableNames): TableProgress | undefined;
  put(table: TableNames, progress: TableProgress): Promise<void>;
  /** The table is compared: that is recorded. */
  done(table: TableNames, progress: TableProgress & { readonly report: TimedReport }): Promise<void>;
}

/** `schema.table`, on both sides. */
export interface TableNames {
  readonly source: string;
  readonly target: string;
}

/** Tells what is compared, and in which order: rows that were compared in another shape say nothing of this one. */
export function shapeDigest({ columns, source, target, mapped }: TableShape): string {
  const text = JSON.stringify([columns, source, target, mapped?.compared ?? null, mapped?.types ?? null]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** As JSON, which has no number for a sum. */
export function formatProgress(progress: TableProgress): string {
  return JSON.stringify(progress, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
}

export function parseProgress(text: string): TableProgress {
  return JSON.parse(text, (name, value: unknown) => (name === 'sum' ? BigInt(value as string) : value));
}
