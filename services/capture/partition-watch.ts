import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../core/errors.js';
import { type Lsn, parseLsn } from '../../core/lsn.js';
import { displayName, type QualifiedName, type Relation, sourceName } from '../../core/relation.js';
import type { KnownPartition, TableSnapshotState } from '../../core/stage-state.js';
import { hasRowsOfItsChange, keepsRowsFromBefore, type Partitions, readPartitions } from './adapters/partitions.js';
import { truncated } from './recover-tables.js';
import type { TablePlan } from './snapshot/chunk.js';
import { type Partition, type PartitionChanges, partitionChanges } from './snapshot/partition-tree.js';

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
 * that was detached, dropped or truncated on its own halts capture, for its rows stay in the target, unless the stream
 * says that the table was truncated or begins to be copied again.
 */
export class PartitionWatch {
  readonly #options: PartitionWatchOptions;
  /** By table, when it was looked at last without anything to explain. */
  readonly #seen = new Map<string, Seen>();
  /** By table: where the WAL was when something was found that the stream may explain. */
  readonly #suspected = new Map<string, Lsn>();

  constructor(options: PartitionWatchOptions) {
    this.#options = options;
  }

  /** Looks for the first time, and copies nothing yet; before a table's first row is copied, what it has then is what is known. */
  async begin(): Promise<void> {
    for (const plan of this.#options.plans) if (plan.isPartitioned) await this.#look(plan, true);
  }

  /**
   * Looks again and again, until the signal fires.
   * @throws FerryError `source-unfit` naming a partition whose rows stay behind.
   */
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
    const state = states.get(table)!;
    if (!state.partitions) return this.#know(plan, now, truncates);
    const { attached, gone, emptied, rewritten } = partitionChanges(state.partitions, now.list);
    const mapped = attached.find(({ oid }) => this.#options.plans.some(({ relation }) => relation.id === Number(oid)));
    if (mapped) throw mappedTwice(plan.relation, displayName(mapped));
    const lost = await this.#lost(table, { emptied, rewritten }, state);
    const isExplained = truncates > (this.#seen.get(table)?.truncates ?? 0);
    const why = [
      ...(gone.length > 0 ? [`${gone.join(', ')} was detached or dropped`] : []),
      ...(lost.length > 0 && !isExplained ? [`${lost.join(', ')} was truncated or rewritten on its own`] : []),
    ];
    if (why.length > 0) {
      if (await this.#isPassed(table)) throw leftBehind(plan.relation, why.join('; '));
      return;
    }
    // While the table is copied it may be read, or not: what was attached is copied once that is done.
    if (attached.length > 0 && (isFirst || !state.done)) {
      const list = now.list.filter(({ oid }) => state.partitions![oid]);
      return this.#know(plan, { ...now, list }, truncates);
    }
    for (const partition of attached) if (!(await copy(plan, partition))) return;
    this.#know(plan, now, truncates);
  }

  /** Names of those that have another file, and nothing that says that their rows were kept. */
  async #lost(
    table: string,
    { emptied, rewritten }: Pick<PartitionChanges, 'emptied' | 'rewritten'>,
    { partitions, horizon }: TableSnapshotState,
  ): Promise<string[]> {
    const { source } = this.#options;
    const wasEmpty = ({ oid }: Partition) => this.#seen.get(table)?.empty.has(oid) ?? false;
    const lost: Partition[] = [];
    for (const partition of emptied) if (!(await this.#isRetyped(table, partition))) lost.push(partition);
    for (const partition of rewritten) {
      const isKept =
        wasEmpty(partition) ||
        (horizon !== undefined && (await keepsRowsFromBefore(source, partition, horizon))) ||
        (await this.#isRetyped(table, partition));
      if (!isKept) lost.push(partition);
    }
    return lost.map(({ oid }) => partitions![oid]!.name);
  }

  /**
   * Whether ALTER TABLE wrote it anew: the schema change is apply's to judge. Of a time when nobody looked, its rows do not
   * say that they are those of before.
   */
  async #isRetyped(table: string, partition: Partition): Promise<boolean> {
    const seen = this.#seen.get(table);
    if (!seen) return false;
    if (!partition.isEmpty) return hasRowsOfItsChange(this.#options.source, partition);
    return partition.isAltered && seen.empty.has(partition.oid);
  }

  /** What the stream may say of it, it says before it comes to where the WAL is now. */
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
    this.#seen.set(table, { truncates, empty: new Set(empty) });
    this.#suspected.delete(table);
    const known = list.map((partition): [string, KnownPartition] => [
      partition.oid,
      { name: displayName(partition), file: partition.file },
    ]);
    const state = {
      ...states.get(table)!,
      partitions: Object.fromEntries(known),
      ...(horizon === undefined ? {} : { horizon }),
    };
    // Of a truncate that came while the catalog was read, the catalog may have had nothing.
    states.set(table, stream.truncates(relation.id) === truncates ? state : truncated(state));
  }
}

/** What was seen of a table's partitions. */
interface Seen {
  /** Truncates in the stream by then. */
  readonly truncates: number;
  /** OIDs of partitions without rows: nothing of theirs stays in the target. Of a time when nobody looked it says nothing. */
  readonly empty: ReadonlySet<string>;
}

const INTERVAL_MS = 1_000;

function leftBehind(root: Relation, what: string): FerryError {
  const table = sourceName(root);
  return new FerryError(
    'source-unfit',
    `the partition ${what}: the WAL does not say so, and its rows of ${table} stay in the target`,
    {
      details: { table },
      remedy: `Copy the table again: ferry table resnapshot ${table}. Capture, started again, goes on with that.`,
    },
  );
}

function mappedTwice(root: Relation, partition: string): FerryError {
  const table = sourceName(root);
  return new FerryError(
    'source-unfit',
    `${partition} was attached to ${table}, and both are mapped: its changes come as those of ${table} since, and its own table in the target stays behind`,
    {
      details: { table },
      remedy: `Take it out of the mapping: ferry table remove ${partition}. Capture, started again, copies it as a partition.`,
    },
  );
}
