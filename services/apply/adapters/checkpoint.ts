import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, parseLsn } from '../../../core/lsn.js';
import { formatPosition } from '../../../core/position.js';
import type { TopicPartition } from '../../../platform/event-log/port.js';
import type { Applied, Progress } from '../batch.js';

/** A claimed checkpoint: whoever claims it later has a higher epoch, and this one's writes are refused. */
export interface Claim {
  readonly pipeline: string;
  readonly at: TopicPartition;
  readonly epoch: string;
  readonly progress: Progress;
}

/** Takes the partition over and reads where to go on. */
export async function claimCheckpoint(
  target: ClientBase,
  pipeline: string,
  at: TopicPartition,
  owner: string,
): Promise<Claim> {
  const { rows } = await target.query<Record<string, string>>(
    `INSERT INTO ferry.checkpoint AS c (pipeline, topic, partition, owner) VALUES ($1, $2, $3, $4)
     ON CONFLICT (pipeline, topic, partition) DO UPDATE SET epoch = c.epoch + 1, owner = EXCLUDED.owner
     RETURNING epoch, next_offset, lsn, index, commit_end, commit_time`,
    [pipeline, at.topic, at.partition, owner],
  );
  const row = rows[0]!;
  return {
    pipeline,
    at,
    epoch: row.epoch!,
    progress: {
      nextOffset: Number(row.next_offset),
      position: { lsn: parseLsn(row.lsn!), index: Number(row.index) },
      commitEnd: parseLsn(row.commit_end!),
      commitTime: row.commit_time ?? null,
    },
  };
}

/** Moves the checkpoint and the ledger on, in the transaction that wrote the rows. */
const ADVANCE = `
WITH ledger AS (
  INSERT INTO ferry.ledger AS l (pipeline, topic, partition, source_table, target_table, applied)
  SELECT $1, $2, $3::int, t.source, t.target, t.applied FROM unnest($9::text[], $10::text[], $11::bigint[]) t(source, target, applied)
  ON CONFLICT (pipeline, topic, partition, source_table, target_table) DO UPDATE SET applied = l.applied + EXCLUDED.applied
)
UPDATE ferry.checkpoint
   SET next_offset = $5::bigint, lsn = $6::pg_lsn, index = $7::int, commit_end = $8::pg_lsn,
       commit_time = $12::timestamptz, updated_at = clock_timestamp()
 WHERE pipeline = $1 AND topic = $2 AND partition = $3::int AND epoch = $4::bigint
   AND (lsn, index) <= ($6::pg_lsn, $7::int)`;

/**
 * @throws FerryError `checkpoint-fenced` when another instance, or a replay, has taken the partition.
 */
export async function advanceCheckpoint(
  target: ClientBase,
  claim: Claim,
  progress: Progress,
  applied: Applied,
): Promise<void> {
  const { pipeline, at, epoch } = claim;
  const tables = [...applied.values()];
  const { rowCount } = await target.query({
    name: 'ferry_advance',
    text: ADVANCE,
    values: [
      pipeline,
      at.topic,
      at.partition,
      epoch,
      progress.nextOffset,
      formatLsn(progress.position.lsn),
      progress.position.index,
      formatLsn(progress.commitEnd),
      tables.map((table) => table.source),
      tables.map((table) => table.target),
      tables.map((table) => table.count),
      progress.commitTime,
    ],
  });
  if (rowCount === 1) return;
  throw new FerryError(
    'checkpoint-fenced',
    `${at.topic}/${at.partition}: this instance was replaced before it wrote up to ${formatPosition(progress.position)}`,
    { details: { topic: at.topic, partition: at.partition } },
  );
}

/** True when nobody owns the partition: a replay has reset it, and the instance that it fenced may claim it again. */
export async function isUnowned(target: ClientBase, claim: Pick<Claim, 'pipeline' | 'at'>): Promise<boolean> {
  const { rows } = await target.query<{ owner: string | null }>(
    'SELECT owner FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2 AND partition = $3',
    [claim.pipeline, claim.at.topic, claim.at.partition],
  );
  return rows.length === 0 || rows[0]!.owner === null;
}
