import type { ClientBase } from 'pg';
import { type LedgerEntry, ledgerAddsUp, type Tally } from '../../../core/ledger.js';
import { displayName } from '../../../core/relation.js';
import { CAPTURE_STATE, type CaptureState, type TransformState, transformStateKey } from '../../../core/stage-state.js';
import { topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { tallyTopic } from '../../../platform/tally-topic.js';

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
  const transform = (await log.control.get(transformStateKey(0))) as TransformState | undefined;
  const applied = target && (await readApplied(target, pipeline.name));
  const topics = topicsOf(pipeline.name);
  const captured: Tally = new Map();
  await tallyTopic(log, topics.raw, capture?.next[topics.raw] ?? 0, captured);
  const transformed: Tally = new Map();
  for (const schema of new Set(pipeline.tables.map((table) => table.target.schema))) {
    const topic = topics.domain(schema);
    await tallyTopic(log, topic, transform?.next[topic] ?? 0, transformed);
  }
  const tables = pipeline.tables.map((mapping): LedgerEntry => {
    const table = displayName(mapping.source);
    const more = captured.get(table) ?? 0;
    return {
      table,
      read: (capture?.read[table] ?? 0) + more,
      deduplicated: capture?.deduplicated[table] ?? 0,
      captured: (capture?.captured[table] ?? 0) + more,
      filtered: transform?.filtered[table] ?? 0,
      transformed: (transform?.transformed[table] ?? 0) + (transformed.get(table) ?? 0),
      applied: applied ? (applied.get(table)?.applied ?? 0) : undefined,
      deadLettered: applied ? (applied.get(table)?.deadLettered ?? 0) : undefined,
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
): Promise<Map<string, { applied: number; deadLettered: number }>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT source_table, sum(applied) AS applied, sum(dead_lettered) AS dead_lettered
       FROM ferry.ledger WHERE pipeline = $1 GROUP BY 1`,
    [pipeline],
  );
  return new Map(
    rows.map((row) => [row.source_table!, { applied: Number(row.applied), deadLettered: Number(row.dead_lettered) }]),
  );
}
