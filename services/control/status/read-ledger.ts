import type { ClientBase } from 'pg';
import { type LedgerEntry, ledgerAddsUp, type Tally } from '../../../core/ledger.js';
import { domainSchemas, routeName } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { CAPTURE_STATE, type CaptureState, type TransformState, transformStateKey } from '../../../core/stage-state.js';
import { partitionName, partitionsOf, topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { tallyPartition } from '../../../platform/tally-partition.js';

export interface Ledger {
  /** Every table's figures agree: what was captured has been applied, or set aside, to the last row. */
  readonly addsUp: boolean;
  readonly deadLettered: number | null;
  readonly tables: readonly LedgerEntry[];
}

/**
 * Reads the ledger as of now: what the stages put down, and what has come into their topics since.
 * @param target undefined when it cannot be reached; its columns are unknown then.
 */
export async function readLedger(
  pipeline: LoadedPipeline,
  log: EventLog,
  target: ClientBase | undefined,
): Promise<Ledger> {
  const capture = (await log.control.get(CAPTURE_STATE)) as CaptureState | undefined;
  const { partitions } = pipeline.log;
  const transforms: (TransformState | undefined)[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    transforms.push(
      (await log.control.get(transformStateKey(partition, pipeline.mappingVersion))) as TransformState | undefined,
    );
  }
  const applied = target && (await readApplied(target, pipeline.name));
  const topics = topicsOf(pipeline.name, pipeline.mappingVersion);
  const captured: Tally = new Map();
  for (const at of partitionsOf([topics.raw], partitions)) {
    await tallyPartition(log, at, capture?.next[partitionName(at)] ?? 0, captured);
  }
  const transformed: Tally = new Map();
  for (const at of partitionsOf(domainSchemas(pipeline.tables).map(topics.domain), partitions)) {
    await tallyPartition(log, at, transforms[at.partition]?.next[partitionName(at)] ?? 0, transformed);
  }
  const ofTransforms = (count: 'filtered' | 'transformed', table: string) =>
    transforms.reduce((sum, state) => sum + (state?.[count][table] ?? 0), 0);
  const tables = pipeline.tables.map((mapping): LedgerEntry => {
    const table = routeName(mapping);
    const source = displayName(mapping.source);
    const more = captured.get(source) ?? 0;
    return {
      table,
      read: (capture?.read[source] ?? 0) + more,
      deduplicated: capture?.deduplicated[source] ?? 0,
      captured: (capture?.captured[source] ?? 0) + more,
      filtered: ofTransforms('filtered', table),
      transformed: ofTransforms('transformed', table) + (transformed.get(table) ?? 0),
      applied: applied ? (applied.get(table)?.applied ?? 0) : undefined,
      deadLettered: applied ? (applied.get(table)?.deadLettered ?? 0) : undefined,
      dropped: applied ? (applied.get(table)?.dropped ?? 0) : undefined,
    };
  });
  return {
    addsUp: tables.every(ledgerAddsUp),
    deadLettered: applied ? tables.reduce((sum, table) => sum + (table.deadLettered ?? 0), 0) : null,
    tables,
  };
}

async function readApplied(
  target: ClientBase,
  pipeline: string,
): Promise<Map<string, { applied: number; deadLettered: number; dropped: number }>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT source_table, sum(applied) AS applied, sum(dead_lettered) AS dead_lettered, sum(dropped) AS dropped
       FROM ferry.ledger WHERE pipeline = $1 GROUP BY 1`,
    [pipeline],
  );
  return new Map(
    rows.map((row) => [
      row.source_table!,
      { applied: Number(row.applied), deadLettered: Number(row.dead_lettered), dropped: Number(row.dropped) },
    ]),
  );
}
