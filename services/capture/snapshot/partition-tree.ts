import type { QualifiedName } from '../../../core/relation.js';
import type { KnownPartition } from '../../../core/stage-state.js';

/** A partition that holds rows, as the source's catalog has it. */
export interface Partition extends QualifiedName {
  readonly oid: string;
  /** Its file: TRUNCATE gives it another one, and so does what rewrites a table. */
  readonly file: string;
  /** The catalog knows nothing of its rows, as after TRUNCATE; what rewrites a table says how many there are. */
  readonly isUncounted: boolean;
  readonly isEmpty: boolean;
  /** What gave it its file may have changed its columns, too. */
  readonly isAltered: boolean;
}

/** What has become of a partitioned table's partitions that no change in the WAL tells of. */
export interface PartitionChanges {
  /** Perhaps with rows. */
  readonly attached: readonly Partition[];
  /** Names of those that were detached or dropped: their rows stay in the target. */
  readonly gone: readonly string[];
  /** Truncated on their own, which a publication does not say when it publishes through the root, or rewritten without a row. */
  readonly emptied: readonly Partition[];
  /** Written anew, or truncated, filled again and analyzed: only their rows can tell. */
  readonly rewritten: readonly Partition[];
}

/** @param known by OID. */
export function partitionChanges(
  known: Readonly<Record<string, KnownPartition>>,
  now: readonly Partition[],
): PartitionChanges {
  const present = new Set(now.map(({ oid }) => oid));
  const changed = now.filter(({ oid, file }) => (known[oid]?.file ?? file) !== file);
  return {
    attached: now.filter(({ oid }) => !known[oid]),
    gone: Object.entries(known).flatMap(([oid, { name, mayBeGone }]) => (present.has(oid) || mayBeGone ? [] : [name])),
    emptied: changed.filter(({ isUncounted }) => isUncounted),
    rewritten: changed.filter(({ isUncounted }) => !isUncounted),
  };
}
