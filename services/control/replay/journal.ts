import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ClientBase } from 'pg';
import type { TopicPartition } from '../../../core/topics.js';

/** What a replay does to a target, as its command says it. */
export interface ReplayScope {
  /** whole: all mapped tables, from the start of the log. tables: some of them. from: nothing is emptied. mapping: all, by another version. */
  readonly kind: 'whole' | 'tables' | 'from' | 'mapping';
  /** A second target's, which no service applies to. */
  readonly isBeside: boolean;
  /** Of the mapping, where that is what changes. */
  readonly version?: number;
  /** Source tables, of some tables. */
  readonly tables?: readonly string[];
}

export interface PartitionEnd extends TopicPartition {
  /** Offset behind the last record. */
  readonly end: number;
}

/** A replay that has not finished: of a process that runs, or of one that died. */
export interface ReplayRun {
  readonly id: string;
  readonly scope: ReplayScope;
  /** Where the domain topics ended when it began. */
  readonly ends: readonly PartitionEnd[];
  readonly startedAt: string;
}

/** @returns the replay into this database that has not finished. */
export async function readOpenReplay(target: ClientBase, pipeline: string): Promise<ReplayRun | undefined> {
  const { rows } = await target.query<Record<'run' | 'scope' | 'ends' | 'started_at', string>>(
    'SELECT run, scope, ends, started_at FROM ferry.replay WHERE pipeline = $1 AND finished_at IS NULL',
    [pipeline],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { run: id, started_at: startedAt } = row;
  return { id, startedAt, scope: JSON.parse(row.scope), ends: JSON.parse(row.ends) };
}

/** Within the transaction that does what cannot be done twice; one that is open is given up by it. */
export async function beginReplay(
  target: ClientBase,
  pipeline: string,
  { scope, ends }: Pick<ReplayRun, 'scope' | 'ends'>,
): Promise<void> {
  await giveUpReplay(target, pipeline);
  await target.query(
    `INSERT INTO ferry.replay (run, pipeline, scope, ends, started_by)
     VALUES ($1, $2, $3, $4, session_user::text || ' on ' || $5::text)`,
    [randomUUID(), pipeline, JSON.stringify(scope), JSON.stringify(ends), hostname()],
  );
}

/** What it had to reach is no more. */
export async function giveUpReplay(target: ClientBase, pipeline: string): Promise<void> {
  await target.query(
    "UPDATE ferry.replay SET finished_at = clock_timestamp(), outcome = 'given up' WHERE pipeline = $1 AND finished_at IS NULL",
    [pipeline],
  );
}

/** The target has all that the log had when the replay began. */
export async function replayHasRebuilt(target: ClientBase, { id }: ReplayRun): Promise<void> {
  await target.query('UPDATE ferry.replay SET rebuilt_at = coalesce(rebuilt_at, clock_timestamp()) WHERE run = $1', [
    id,
  ]);
}

export async function finishReplay(
  target: ClientBase,
  { id }: ReplayRun,
  outcome: 'equal' | 'different',
): Promise<void> {
  await target.query('UPDATE ferry.replay SET finished_at = clock_timestamp(), outcome = $2 WHERE run = $1', [
    id,
    outcome,
  ]);
}

/** Whether a replay has filled this database beside the live one: nobody else's rows are in its tables then. */
export async function wasFilledByReplay(target: ClientBase, pipeline: string): Promise<boolean> {
  const { rows } = await target.query<{ was: string }>(
    `SELECT EXISTS (SELECT FROM ferry.replay WHERE pipeline = $1 AND scope ->> 'kind' IN ('whole', 'mapping') AND (scope ->> 'isBeside')::boolean) AS was`,
    [pipeline],
  );
  return rows[0]!.was === 't';
}
