import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../core/errors.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../core/relation.js';
import type { KnownPartition, TableSnapshotState } from '../../core/stage-state.js';
import { readPartitions } from './adapters/partitions.js';
import type { TablePlan } from './snapshot/chunk.js';
import { type Partition, partitionChanges } from './snapshot/partition-tree.js';

export interface PartitionWatchOptions {
  readonly source: ClientBase;
  readonly plans: readonly TablePlan[];
  /** By display name. What is known of a table's partitions is kept with how far its snapshot is. */
  readonly states: Map<string, TableSnapshotState>;
  /** Copies what is in a partition, as rows of its root; false when the service stops meanwhile. */
  readonly copy: (plan: TablePlan, partition: QualifiedName) => Promise<boolean>;
}

/**
 * Looks after what no change in the WAL tells of partitioned tables: a partition that was attached is copied, and one
 * that was detached, dropped or truncated on its own halts capture, for its rows stay in the target.
 */
export class PartitionWatch {
  readonly #options: PartitionWatchOptions;
  #wasAway = true;

  constructor(options: PartitionWatchOptions) {
    this.#options = options;
  }

  /**
   * Looks for the first time, and copies nothing yet; before a table's first row is copied, what it has then is what is known.
   * @throws FerryError `source-unfit` naming a partition whose rows stay behind.
   */
  async begin(): Promise<void> {
    await this.#look();
    this.#wasAway = false;
  }

  /** Looks again and again, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    for (const plan of this.#options.plans) if (plan.isPartitioned) await this.#lookAt(plan);
  }

  async #lookAt(plan: TablePlan): Promise<void> {
    const { source, states, copy } = this.#options;
    const table = displayName(plan.relation);
    const now = await readPartitions(source, plan.relation.id);
    const { partitions } = states.get(table)!;
    if (!partitions) return this.#know(table, now);
    const { attached, gone, emptied } = partitionChanges(partitions, now, this.#wasAway);
    if (gone.length > 0) throw leftBehind(plan.relation, `${gone.join(', ')} was detached or dropped`);
    if (emptied.length > 0) throw leftBehind(plan.relation, `${emptied.join(', ')} was truncated on its own`);
    // While the table is copied it may be read, or not: what was attached is copied once that is done.
    if (this.#wasAway || !states.get(table)!.done) return;
    for (const partition of attached) if (!(await copy(plan, partition))) return;
    this.#know(table, now);
  }

  #know(table: string, now: readonly Partition[]): void {
    const { states } = this.#options;
    const known = now.map((partition): [string, KnownPartition] => [
      partition.oid,
      { name: displayName(partition), file: partition.file },
    ]);
    states.set(table, { ...states.get(table)!, partitions: Object.fromEntries(known) });
  }
}

const INTERVAL_MS = 1_000;

function leftBehind(root: QualifiedName, what: string): FerryError {
  return new FerryError(
    'source-unfit',
    `the partition ${what}: the WAL does not say so, and its rows of ${displayName(root)} stay in the target`,
    {
      details: { table: displayName(root) },
      remedy: `Copy the table anew: \`ferry table resnapshot ${formatQualifiedName(root)}\`.`,
    },
  );
}
