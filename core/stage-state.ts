import type { PositionJson } from './position.js';
import type { SeenChanges } from './record.js';
import { versionSuffix } from './topics.js';
import type { Turn } from './way-back.js';

/**
 * What capture and transform put down in the control topic each second: where their output stood and what they had
 * counted by then. After a crash the rest is read from the output itself, so nothing is counted twice or forgotten.
 */
export interface StageState {
  /** By output partition, as partitionName writes it: records up to this offset are counted. */
  readonly next: Readonly<Record<string, number>>;
  /** The first LSN behind the last whole transaction in the output. */
  readonly through: string;
  /** Commit time of that transaction at the source; null before the first. */
  readonly time: string | null;
}

export interface CaptureState extends StageState {
  readonly captured: Readonly<Record<string, number>>;
  readonly deduplicated: Readonly<Record<string, number>>;
  readonly read: Readonly<Record<string, number>>;
  readonly tables: Readonly<Record<string, TableSnapshotState>>;
  /**
   * While tables are copied: transactions in the log that other sessions of the source did not see yet, by the lower 32
   * bits of their ids. A chunk that does not see one either is stale.
   */
  readonly unseen?: readonly number[];
  /** As of {@link StageState.next}; absent before the first turn. */
  readonly turn?: Turn;
}

/** The server that the log was captured from. */
export interface SourceIdentity {
  /** `pg_control_system()`: the same for a primary and its standbys. */
  readonly system: string;
  readonly timeline: number;
}

export interface TransformState extends StageState {
  /** What was filtered is counted of raw's records before this offset; absent from an earlier version. */
  readonly raw?: number;
  /** The highest position of those records: a late append may have put lower ones behind it. Absent from an earlier version. */
  readonly counted?: PositionJson;
  /** Row changes taken from raw, by source table. */
  readonly taken: Readonly<Record<string, number>>;
  readonly filtered: Readonly<Record<string, number>>;
  readonly transformed: Readonly<Record<string, number>>;
}

/** How far one table's snapshot is. */
export interface TableSnapshotState {
  /** Key of the last copied row; absent before the first chunk. */
  readonly upTo?: readonly string[];
  readonly rows: number;
  /** Of the source table, by which it is found again under another name. */
  readonly oid?: number;
  /** The merged tables that it is one of: what its rows' partition is derived from. */
  readonly group?: string;
  /** The table is not there any more, or another one has its name. */
  readonly gone?: 'dropped' | 'recreated';
  /** Rows expected; absent when unknown. */
  readonly estimate?: number;
  readonly done: boolean;
  /** Of a table that was copied as a whole. */
  readonly seen?: SeenChanges;
  /** Keys, as JSON arrays, that must be read again before the table is done. */
  readonly rereads: readonly string[];
  /** Of a partitioned table, by OID: the partitions whose rows are copied or come by the stream. */
  readonly partitions?: Readonly<Record<string, KnownPartition>>;
  /** Of a partitioned table: every transaction with an older id had ended when its partitions were looked at last. */
  readonly horizon?: string;
}

/** A partition of a source table. */
export interface KnownPartition {
  /** `schema.table`. */
  readonly name: string;
  /** Absent once the root was truncated or is copied again, until it is looked at again: it may have another one since. */
  readonly file?: string;
  /** The root is copied again, and this one was not looked at since: of one that is gone by then, the target has nothing. */
  readonly mayBeGone?: true;
}

/** A table that was taken out of the pipeline: of what the log has of it, only what is before the LSN may be left out. */
export interface Removal {
  readonly lsn: string;
}

/** Followed by the source table, `schema.table`. */
export const REMOVED_PREFIX = 'removed/';

export const CAPTURE_STATE = 'state/capture';
export const SOURCE_IDENTITY = 'state/source';
/** @param version of the mapping. */
export const transformStateKey = (partition: number, version: number): string =>
  `state/transform${versionSuffix(version)}/${partition}`;
