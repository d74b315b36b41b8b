import type { ClientBase } from 'pg';
import { formatLsn } from '../../../core/lsn.js';
import type { Position } from '../../../core/position.js';
import type { Key, Letter, Refusal } from '../letter.js';
import { StandingKeys } from '../standing-keys.js';
import type { Claim } from './checkpoint.js';

type Whose = Pick<Claim, 'pipeline' | 'at'>;

/** Puts letters down, in their order, in the transaction that moves the checkpoint past them. */
export async function insertLetters(target: ClientBase, { pipeline, at }: Whose, letters: readonly Letter[]) {
  if (letters.length === 0) return;
  await target.query(
    `INSERT INTO ferry.dead_letter (pipeline, topic, partition, log_offset, lsn, index, commit_time, op, sources, tables,
       keys, sqlstate, message, column_name, constraint_name, event)
     SELECT $1, $2, $3::int, l.*
       FROM json_to_recordset($4::json) l(log_offset bigint, lsn pg_lsn, index numeric, commit_time timestamptz, op text,
         sources text[], tables text[], keys json, sqlstate text, message text, column_name text, constraint_name text,
         event json)`,
    [pipeline, at.topic, at.partition, JSON.stringify(letters.map(toRow))],
  );
}

function toRow({ place, shapes, tables, keys, event, refusal }: Letter) {
  return {
    log_offset: place.offset,
    lsn: formatLsn(place.position.lsn),
    index: place.position.index,
    commit_time: place.time,
    op: event.op,
    sources: shapes.map(({ source }) => source),
    tables,
    keys: keys ?? null,
    ...refusalColumns(refusal),
    event,
  };
}

function refusalColumns(refusal: Refusal | undefined) {
  return {
    sqlstate: refusal?.sqlstate ?? null,
    message: refusal?.message ?? null,
    column_name: refusal?.column ?? null,
    constraint_name: refusal?.constraint ?? null,
  };
}

/** Reads what stands in a topic, of all its partitions: an event that is in each of them is set aside by one. */
export async function readStanding(target: ClientBase, { pipeline, at }: Whose): Promise<StandingKeys> {
  const standing = new StandingKeys();
  const { rows } = await target.query<{ tables: string; keys: string | null; refused: string }>(
    `SELECT to_json(tables) AS tables, keys, message IS NOT NULL AS refused
       FROM ferry.dead_letter WHERE pipeline = $1 AND topic = $2 AND state = 'standing'`,
    [pipeline, at.topic],
  );
  for (const { tables, keys, refused } of rows) {
    standing.add({
      tables: JSON.parse(tables) as string[],
      keys: keys === null ? undefined : (JSON.parse(keys) as Key[]),
    });
    if (refused === 't') standing.refused++;
  }
  return standing;
}

/** An event that stands in every partition was set aside by the one that has it. */
export async function isSetAside(target: ClientBase, { pipeline, at }: Whose, position: Position): Promise<boolean> {
  const { rows } = await target.query<{ found: string }>(
    `SELECT EXISTS (SELECT FROM ferry.dead_letter
       WHERE pipeline = $1 AND topic = $2 AND lsn = $3::pg_lsn AND index = $4::numeric AND state = 'standing') AS found`,
    [pipeline, at.topic, formatLsn(position.lsn), position.index],
  );
  return rows[0]!.found === 't';
}
