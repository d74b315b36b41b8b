import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../core/errors.js';
import { type Lsn, parseLsn } from '../../core/lsn.js';
import { displayName, type QualifiedName, sourceName } from '../../core/relation.js';
import type { KnownPartition, TableSnapshotState } from '../../core/stage-state.js';
import { keepsRowsFromBefore, type Partitions, readPartitions } from './adapters/partitions.js';
import { truncated } from './recover-tables.js';
import type { TablePlan } from './snapshot/chunk.js';
import { partitionChanges } from './snapshot/partition-tree.js';

/** How far the stream has come. */
export interface StreamProgress {
  /** Truncates of a relation that it has brought. */
  truncates(relation: number): number;
  /** The first LSN behind the last transaction; heartbeats move it on. */
  through(): Lsn;
}

export interface PartitionWatchOptions {
  readonly source: ClientBase;
  readonly plans: readonly TablePlan[];
  /** By source name. What is known of a table's partitions is kept with how far its snapshot is. */
  readonly states: Map<string, TableSnapshotState>;
  readonly stream: StreamProgress;
  /** Copies what is in a partition, as rows of its root; false when the service stops meanwhile. */
  readonly copy: (plan: TablePlan, partition: QualifiedName) => Promise<boolean>;
}

/**
 * Looks after what no change in the WAL tells of partitioned tables: a partition that was attached is copied, and one
 * that was detached, dropped or truncated on its own halts capture, for its rows stay in the target.
 */
export class PartitionWatch {
  readonly #options: PartitionWatchOptions;
  /** By table, when it was looked at last without anything to explain. */
  readonly #seen = new Map<string, Seen>();
  /** By table: where the WAL was when partitions were found truncated. */
  readonly #suspected = new Map<string, Lsn>();

  constructor(options: PartitionWatchOptions) {
    this.#options = options;
  }

  /**
   * Looks for the first time, and copies nothing yet; before a table's first row is copied, what it has then is what is known.
   * @throws FerryError `source-unfit` naming a partition whose rows stay behind.
   */
  async begin(): Promise<void> {
    for (const plan of this.#options.plans) if (plan.isPartitioned) await this.#look(plan, true);
  }

  /** Looks again and again, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
      for (const plan of this.#options.plans) {
        if (plan.isPartitioned && !signal.aborted) await this.#look(plan, false);
      }
    }
  }

  async #look(plan: TablePlan, isFirst: boolean): Promise<void> {
    const { source, states, stream, copy } = this.#options;
    const table = sourceName(plan.relation);
    // First, so that the catalog has what the stream has.
    const truncates = stream.truncates(plan.relation.id);
    const now = await readPartitions(source, plan.relation.id);
    const { partitions, done } = states.get(table)!;
    if (!partitions) return this.#know(plan, now, truncates);
    const seen = this.#seen.get(table);
    const { attached, gone, emptied, rewritten } = partitionChanges(partitions, now.list, !seen);
    if (gone.length > 0) throw leftBehind(plan.relation, `${gone.join(', ')} was detached or dropped`);
    const alone = [...emptied];
    for (const partition of rewritten) {
      const isKept = seen!.empty.has(partition.oid) || (await keepsRowsFromBefore(source, partition, seen!.horizon!));
      if (!isKept) alone.push(partitions[partition.oid]!.name);
    }
    if (alone.length > 0 && truncates <= (seen?.truncates ?? 0)) {
      if (await this.#isPassed(table)) throw leftBehind(plan.relation, `${alone.join(', ')} was truncated on its own`);
      return;
    }
    // While the table is copied it may be read, or not: what was attached is copied once that is done.
    if (attached.length > 0 && (isFirst || !done)) return;
    for (const partition of attached) if (!(await copy(plan, partition))) return;
    this.#know(plan, now, truncates);
  }

  /** Where the root was truncated, the stream says so once it has come there. */
  async #isPassed(table: string): Promise<boolean> {
    const since = this.#suspected.get(table);
    if (since !== undefined) return this.#options.stream.through() > since;
    const { rows } = await this.#options.source.query<{ lsn: string }>(
      'SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn',
    );
    this.#suspected.set(table, parseLsn(rows[0]!.lsn));
    return false;
  }

  #know({ relation }: TablePlan, { list, horizon }: Partitions, truncates: number): void {
    const { states, stream } = this.#options;
    const table = sourceName(relation);
    const empty = list.filter(({ isEmpty }) => isEmpty).map(({ oid }) => oid);
    this.#seen.set(table, { truncates, horizon, empty: new Set(empty) });
    this.#suspected.delete(table);
    const known = list.map((partition): [string, KnownPartition] => [
      partition.oid,
      { name: displayName(partition), file: partition.file },
    ]);
    const state = { ...states.get(table)!, partitions: Object.fromEntries(known) };
    // Of a truncate that came while the catalog was read, the catalog may have had nothing.
    states.set(table, stream.truncates(relation.id) === truncates ? state : truncated(state));
  }
}

/** What was seen of a table's partitions. */
interface Seen {
  /** Truncates in the stream by then. */
  readonly truncates: number;
  readonly horizon: string | undefined;
  /** OIDs of partitions without rows: nothing of theirs stays in the target. */
  readonly empty: ReadonlySet<string>;
}

const INTERVAL_MS = 1_000;

function leftBehind(root: QualifiedName, what: string): FerryError {
  return new FerryError(
    'source-unfit',
    `the partition ${what}: the WAL does not say so, and its rows of ${displayName(root)} stay in the target`,
    {
      details: { table: displayName(root) },
      remedy: 'Begin again: `ferry resync`.',
    },
  );
}
