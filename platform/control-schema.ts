import type { ClientBase } from 'pg';
import { type Lsn, minLsn, parseLsn } from '../core/lsn.js';
import { ofPartition, type TopicPartition } from '../core/topics.js';
import { CONTROL_SCHEMA } from './control-schema-sql.js';
import { TWO_WAY_SCHEMA } from './two-way-schema.js';

/** Creates the `ferry` schema in the target; run again it changes nothing. */
export async function ensureControlSchema(target: ClientBase): Promise<void> {
  // Two services may start at once, and CREATE ... IF NOT EXISTS is not safe against itself.
  await target.query('BEGIN');
  try {
    await target.query("SELECT pg_advisory_xact_lock(hashtext('ferry.control-schema'))");
    await target.query(CONTROL_SCHEMA + TWO_WAY_SCHEMA);
    await target.query('COMMIT');
  } catch (error) {
    await target.query('ROLLBACK');
    throw error;
  }
}

/** The version of the mapping that the target has its rows by; undefined where nothing has been applied yet. */
export async function readMappingVersion(target: ClientBase, pipeline: string): Promise<number | undefined> {
  // What was applied before versions were recorded is of the first.
  const { rows } = await target.query<{ version: string | null }>(
    `SELECT coalesce((SELECT version FROM ferry.mapping_version WHERE pipeline = $1),
                     (SELECT 1 FROM ferry.checkpoint WHERE pipeline = $1 LIMIT 1)) AS version`,
    [pipeline],
  );
  return rows[0]!.version === null ? undefined : Number(rows[0]!.version);
}

/** Puts down by which version the first rows come; one that is there stays. */
export async function beginMappingVersion(target: ClientBase, pipeline: string, version: number): Promise<void> {
  const first = (await readMappingVersion(target, pipeline)) ?? version;
  await target.query('INSERT INTO ferry.mapping_version (pipeline, version) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    pipeline,
    first,
  ]);
}

/** From here on the target has its rows by that version, and nobody's claim by another one stands. */
export async function setMappingVersion(target: ClientBase, pipeline: string, version: number): Promise<void> {
  await target.query(
    `INSERT INTO ferry.mapping_version (pipeline, version) VALUES ($1, $2)
     ON CONFLICT (pipeline) DO UPDATE SET version = EXCLUDED.version, changed_at = clock_timestamp(), changed_by = session_user`,
    [pipeline, version],
  );
}

/** How far one topic partition has been applied. */
export interface AppliedPoint extends TopicPartition {
  readonly nextOffset: number;
  /** The first LSN behind the last applied transaction; zero before the first. */
  readonly commitEnd: Lsn;
  /** Commit time at the source, ISO 8601; null before the first transaction. */
  readonly commitTime: string | null;
}

/** Every checkpoint of a pipeline; empty before apply's first start. */
export async function readAppliedPoints(target: ClientBase, pipeline: string): Promise<AppliedPoint[]> {
  const { rows } = await target.query<Record<string, string>>(
    'SELECT topic, partition, next_offset, commit_end, commit_time FROM ferry.checkpoint WHERE pipeline = $1 ORDER BY 1, 2',
    [pipeline],
  );
  return rows.map((row) => ({
    topic: row.topic!,
    partition: Number(row.partition),
    nextOffset: Number(row.next_offset),
    commitEnd: parseLsn(row.commit_end!),
    commitTime: row.commit_time ?? null,
  }));
}

/**
 * The LSN that all of the pipeline has been applied up to.
 * @param partitions that must have a checkpoint each, or the answer is unknown.
 * @returns undefined while one has no checkpoint: unknown is never zero lag.
 */
export function appliedThrough(
  points: readonly AppliedPoint[],
  partitions: readonly TopicPartition[],
): Lsn | undefined {
  const found = partitions.map((at) => ofPartition(points, at)?.commitEnd);
  return found.includes(undefined) ? undefined : (found as Lsn[]).reduce(minLsn);
}

/** Source tables, by display name, whose snapshot has been applied to its end in every partition. */
export async function readCopiedSources(
  target: ClientBase,
  pipeline: string,
  partitions: number,
): Promise<Set<string>> {
  const { rows } = await target.query<{ source_table: string }>(
    `SELECT source_table FROM ferry.table_state WHERE pipeline = $1 AND copied
      GROUP BY source_table HAVING count(*) >= $2::int`,
    [pipeline, partitions],
  );
  return new Set(rows.map((row) => row.source_table));
}

/** A table that does not run like the others, in one partition. */
export interface StoppedTable {
  readonly source: string;
  readonly partition: number;
  readonly state: 'paused' | 'halted' | 'catching-up';
  /** Why it halted; null for one that did not. */
  readonly reason: { readonly message: string; readonly remedy: string } | null;
}

/** Tables that are paused, halted or catching up. */
export async function readStoppedTables(target: ClientBase, pipeline: string): Promise<StoppedTable[]> {
  const { rows } = await target.query<Record<string, string | null>>(
    `SELECT source_table, partition, state, reason FROM ferry.table_state
      WHERE pipeline = $1 AND state <> 'running' ORDER BY source_table, partition`,
    [pipeline],
  );
  return rows.map((row) => ({
    source: row.source_table!,
    partition: Number(row.partition),
    state: row.state as StoppedTable['state'],
    reason: row.reason === null ? null : JSON.parse(row.reason!),
  }));
}
