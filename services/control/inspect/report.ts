import type { Domain } from '../../../core/inspect/domains.js';
import type { HardcodedName } from '../../../core/inspect/hardcoded.js';
import type { Merge } from '../../../core/inspect/merges.js';
import type { ObjectFinding } from './survival.js';

/** All that `ferry inspect` finds out. */
export interface InspectReport {
  readonly database: string;
  readonly version: string;
  /** Between the two readings of the statistics. */
  readonly watchedSeconds: number;
  readonly tables: readonly InspectedTable[];
  readonly domains: readonly Domain[];
  readonly merges: readonly Merge[];
  readonly hardcoded: readonly HardcodedName[];
  /** What will not survive a move, or stands against one. */
  readonly findings: readonly ObjectFinding[];
}

export interface InspectedTable {
  /** `schema.table`. */
  readonly name: string;
  /** Estimated where the server has an estimate; null where the rows could not be counted either. */
  readonly rows: number | null;
  /** There are more rows than `rows`: counting ended there. */
  readonly more: boolean;
  /** On disk, indexes and TOAST included. */
  readonly bytes: number;
  readonly writesPerSecond: number;
  readonly averageWritesPerSecond: number | null;
  /** Columns that identify a row; null without any. */
  readonly key: readonly string[] | null;
  readonly references: readonly { readonly to: string; readonly columns: readonly string[] }[];
  /** `schema.table` in the target, as proposed; null where none is. */
  readonly target: string | null;
  /** Why it is in no mapping; null where it is in one. */
  readonly left: string | null;
}
