import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, parseLsn } from '../../../core/lsn.js';
import { formatPosition, type Position } from '../../../core/position.js';
import { beginMappingVersion, readMappingVersion } from '../../../platform/control-schema.js';
import type { TopicPartition } from '../../../platform/event-log/port.js';
import { failpoint } from '../../../platform/failpoint.js';
import type { Applied, Progress } from '../batch.js';

/** A claimed checkpoint: whoever claims it later has a higher epoch, and this one's writes are refused. */
export interface Claim {
  readonly pipeline: string;
  readonly at: TopicPartition;
  readonly epoch: string;
  readonly progress: Progress;
}

/**
 * Takes the partition over and reads where to go on. The session of the owner before is ended: what it has not
 * committed would be refused, but one that hangs keeps its locks until then.
 * @param version of the mapping that the topic was made by.
 * @throws FerryError `mapping-changed` when the target has its rows by another one.
 */
export async function claimCheckpoint(
  target: ClientBase,
  pipeline: string,
  at: TopicPartition,
  owner: string,
  version: number,
): Promise<Claim> {
  const before = await readSession(target, pipeline, at);
  const claim = (lockTimeoutMs: number) => claimRow(target, { pipeline, at, owner, version }, lockTimeoutMs);
  let row: Record<string, string>;
  try {
    row = await claim(LOCKED_AFTER_MS);
  } catch (error) {
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || !before) throw error;
    await endSessionOf(target, before);
    row = await claim(0);
  }
  await failpoint('apply.claimed');
  if (before) await endSessionOf(target, before);
  return {
    pipeline,
    at,
    epoch: row.epoch!,
    progress: progressOf(row),
  };
}

/** A checkpoint is locked for the moment of a commit. */
const LOCKED_AFTER_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

interface Claimant {
  readonly pipeline: string;
  readonly at: TopicPartition;
  readonly owner: string;
  readonly version: number;
}

async function claimRow(
  target: ClientBase,
  { pipeline, at, owner, version }: Claimant,
  lockTimeoutMs: number,
): Promise<Record<string, string>> {
  await target.query(`SET lock_timeout = ${lockTimeoutMs}`);
  try {
    await beginMappingVersion(target, pipeline, version);
    // Locked until the claim stands: who rebuilds the target by another version takes it back then, or refuses it.
    const { rows } = await target.query<Record<string, string>>(
      `WITH version AS (SELECT FROM ferry.mapping_version WHERE pipeline = $1 AND version = $5::int FOR SHARE)
       INSERT INTO ferry.checkpoint AS c (pipeline, topic, partition, owner, session_pid, session_start)
       SELECT $1, $2, $3::int, $4, pid, backend_start FROM pg_catalog.pg_stat_activity, version WHERE pid = pg_backend_pid()
       ON CONFLICT (pipeline, topic, partition) DO UPDATE SET epoch = c.epoch + 1, owner = EXCLUDED.owner,
         session_pid = EXCLUDED.session_pid, session_start = EXCLUDED.session_start
       RETURNING epoch, next_offset, lsn, index, commit_end, commit_time`,
      [pipeline, at.topic, at.partition, owner, version],
    );
    if (rows[0]) return rows[0];
    throw new FerryError(
      'mapping-changed',
      `the target has its rows by version ${await readMappingVersion(target, pipeline)} of the mapping, not by version ${version}`,
    );
  } finally {
    await target.query('RESET lock_timeout').catch(() => {});
  }
}

/** A session of the target, told from a later one of the same process id by its start. */
interface OwnerSession {
  readonly pid: string;
  readonly start: string;
}

async function readSession(
  target: ClientBase,
  pipeline: string,
  at: TopicPartition,
): Promise<OwnerSession | undefined> {
  const { rows } = await target.query<{ session_pid: string | null; session_start: string | null }>(
    'SELECT session_pid, session_start FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2 AND partition = $3',
    [pipeline, at.topic, at.partition],
  );
  const found = rows[0];
  return found?.session_pid && found.session_start ? { pid: found.session_pid, start: found.session_start } : undefined;
}

async function endSessionOf(target: ClientBase, { pid, start }: OwnerSession): Promise<void> {
  await target
    .query(
      `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
        WHERE pid = $1::int AND backend_start = $2::timestamptz AND pid <> pg_backend_pid()`,
      [pid, start],
    )
    // A role of another name may not; its locks are waited for then.
    .catch(() => {});
}

/** Moves the ledger on; its parameters are the first three and the ninth to the thirteenth. */
const LEDGER = `
WITH ledger AS (
  INSERT INTO ferry.ledger AS l (pipeline, topic, partition, source_table, target_table, applied, dead_lettered, dropped)
  SELECT $1, $2, $3::int, t.* FROM unnest($9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]) t
  ON CONFLICT (pipeline, topic, partition, source_table, target_table) DO UPDATE
     SET applied = l.applied + EXCLUDED.applied, dead_lettered = l.dead_lettered + EXCLUDED.dead_lettered,
         dropped = l.dropped + EXCLUDED.dropped
)`;

/** Moves the checkpoint and the ledger on, in the transaction that wrote the rows. */
const ADVANCE = `${LEDGER}
UPDATE ferry.checkpoint
   SET next_offset = $5::bigint, lsn = $6::pg_lsn, index = $7::numeric, commit_end = $8::pg_lsn,
       commit_time = $14::timestamptz, updated_at = clock_timestamp()
 WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND epoch = $4::bigint
   AND (lsn, index) <= ($6::pg_lsn, $7::numeric)`;

/**
 * @throws FerryError `checkpoint-fenced` when another instance, or a replay, has taken the partition.
 */
export async function advanceCheckpoint(
  target: ClientBase,
  claim: Claim,
  progress: Progress,
  applied: Applied,
): Promise<void> {
  const { rowCount } = await target.query({
    name: 'ferry_advance',
    text: ADVANCE,
    values: [...advanceValues(claim, progress, formatLsn(progress.commitEnd), applied), progress.commitTime],
  });
  if (rowCount !== 1) throw replacedBefore(claim, progress.position);
}

/** As of a checkpoint, for one table that catches up with it. */
const ADVANCE_TABLE = `${LEDGER}
UPDATE ferry.table_state
   SET stopped_offset = $5::bigint, stopped_lsn = $6::pg_lsn, stopped_index = $7::numeric
 WHERE pipeline = $1 AND partition = $3::int AND source_table = $8 AND state = 'catching-up'
   AND EXISTS (SELECT 1 FROM ferry.checkpoint
                WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND epoch = $4::bigint FOR UPDATE)`;

/** @throws FerryError `checkpoint-fenced` as of a checkpoint, or when an operator has paused the table. */
export async function advanceTable(
  target: ClientBase,
  claim: Claim,
  source: string,
  progress: Progress,
  applied: Applied,
): Promise<void> {
  const { rowCount } = await target.query({
    name: 'ferry_advance_table',
    text: ADVANCE_TABLE,
    values: advanceValues(claim, progress, source, applied),
  });
  if (rowCount !== 1) throw replacedBefore(claim, progress.position);
}

function advanceValues({ pipeline, at, epoch }: Claim, progress: Progress, eighth: string, applied: Applied) {
  const tables = [...applied.values()];
  return [
    pipeline,
    at.topic,
    at.partition,
    epoch,
    progress.nextOffset,
    formatLsn(progress.position.lsn),
    progress.position.index,
    eighth,
    tables.map((table) => table.source),
    tables.map((table) => table.target),
    tables.map((table) => table.count),
    tables.map((table) => table.deadLettered),
    tables.map((table) => table.dropped ?? 0),
  ];
}

/** Locks the checkpoint in a transaction that does not move it, so that nobody takes the partition over before it ends. */
export async function holdCheckpoint(target: ClientBase, claim: Claim): Promise<void> {
  const { pipeline, at, epoch, progress } = claim;
  const { rowCount } = await target.query(
    'SELECT 1 FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2 AND partition = $3 AND epoch = $4 FOR UPDATE',
    [pipeline, at.topic, at.partition, epoch],
  );
  if (rowCount !== 1) throw replacedBefore(claim, progress.position);
}

/** @throws FerryError `checkpoint-fenced` when the partition is another's. */
export async function readProgress(target: ClientBase, claim: Claim): Promise<Progress> {
  const { pipeline, at, epoch } = claim;
  const { rows } = await target.query<Record<string, string>>(
    `SELECT next_offset, lsn, index, commit_end, commit_time FROM ferry.checkpoint
      WHERE pipeline = $1 AND topic = $2 AND partition = $3 AND epoch = $4`,
    [pipeline, at.topic, at.partition, epoch],
  );
  if (!rows[0]) throw replacedBefore(claim, claim.progress.position);
  return progressOf(rows[0]);
}

function progressOf(row: Record<string, string>): Progress {
  return {
    nextOffset: Number(row.next_offset),
    position: { lsn: parseLsn(row.lsn!), index: Number(row.index) },
    commitEnd: parseLsn(row.commit_end!),
    commitTime: row.commit_time ?? null,
  };
}

function replacedBefore({ at }: Claim, position: Position): FerryError {
  return new FerryError(
    'checkpoint-fenced',
    `${at.topic}/${at.partition}: this instance was replaced before it wrote up to ${formatPosition(position)}`,
    { details: { topic: at.topic, partition: at.partition } },
  );
}

/**
 * Whether another partition of the topic has not come to a position yet, or a table that catches up there.
 * @param partitions of the topic; one that was never claimed is behind.
 */
export async function areOthersBehind(
  target: ClientBase,
  { pipeline, at }: Claim,
  partitions: number,
  { lsn, index }: Position,
): Promise<boolean> {
  const { rows } = await target.query<{ are: string }>(
    `SELECT count(*) < $6::int - 1 AS are
       FROM ferry.checkpoint c
      WHERE c.pipeline = $1 AND c.topic = $2 AND c.partition <> $3 AND (c.lsn, c.index) >= ($4::pg_lsn, $5::numeric)
        AND NOT EXISTS (SELECT FROM ferry.table_state s
                         WHERE s.pipeline = c.pipeline AND s.partition = c.partition AND s.state = 'catching-up'
                           AND (s.stopped_lsn, s.stopped_index) < ($4::pg_lsn, $5::numeric))`,
    [pipeline, at.topic, at.partition, formatLsn(lsn), index, partitions],
  );
  return rows[0]!.are === 't';
}

export type Ownership = 'ours' | 'another' | 'nobody';

/** Whose the partition is now: nobody's once a replay has reset it, and then whoever it fenced may claim it again. */
export async function ownership(target: ClientBase, { pipeline, at, epoch }: Claim): Promise<Ownership> {
  const { rows } = await target.query<{ owner: string | null; epoch: string }>(
    'SELECT owner, epoch FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2 AND partition = $3',
    [pipeline, at.topic, at.partition],
  );
  if (!rows[0] || rows[0].owner === null) return 'nobody';
  return rows[0].epoch === epoch ? 'ours' : 'another';
}
