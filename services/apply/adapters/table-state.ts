import type { ClientBase } from 'pg';
import { formatLsn, parseLsn } from '../../../core/lsn.js';
import type { Position } from '../../../core/position.js';
import type { KnownRelation } from '../../../core/schema-change.js';
import type { PastChange } from '../past-changes.js';
import type { StopReason } from '../schema-policy.js';
import type { VersionSeen } from '../table-gate.js';
import { type Claim, holdCheckpoint } from './checkpoint.js';

/** Where a table stopped: its changes behind the position have not been applied. */
export interface Stop {
  readonly state: 'paused' | 'halted' | 'catching-up';
  /** Of the record that has the first change behind the position, or of one before it. */
  readonly offset: number;
  readonly position: Position;
}

/** What the target keeps of one table in one partition. */
export interface TableState {
  readonly copied: boolean;
  readonly accepts: boolean;
  readonly known: KnownRelation | undefined;
  /** Undefined for a table that runs. */
  readonly stop: Stop | undefined;
}

/** By source table. */
export async function readTableStates(target: ClientBase, { pipeline, at }: Claim): Promise<Map<string, TableState>> {
  const { rows } = await target.query<Record<string, string | null>>(
    `SELECT source_table, copied, accepts, relation, state, stopped_offset, stopped_lsn, stopped_index
       FROM ferry.table_state WHERE pipeline = $1 AND partition = $2`,
    [pipeline, at.partition],
  );
  return new Map(
    rows.map((row) => [
      row.source_table!,
      {
        copied: row.copied === 't',
        accepts: row.accepts === 't',
        known: row.relation === null ? undefined : JSON.parse(row.relation!),
        stop:
          row.state === 'running'
            ? undefined
            : {
                state: row.state as Stop['state'],
                offset: Number(row.stopped_offset),
                position: { lsn: parseLsn(row.stopped_lsn!), index: Number(row.stopped_index) },
              },
      },
    ]),
  );
}

/** By source table, in the order of the stream. */
export async function readPastChanges(target: ClientBase, { pipeline, at }: Claim): Promise<Map<string, PastChange[]>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT source_table, lsn, index, changes FROM ferry.schema_change
      WHERE pipeline = $1 AND partition = $2 AND action <> 'copied again' ORDER BY lsn, index`,
    [pipeline, at.partition],
  );
  const past = new Map<string, PastChange[]>();
  for (const row of rows) {
    const position = { lsn: parseLsn(row.lsn!), index: Number(row.index) };
    const before = past.get(row.source_table!) ?? [];
    past.set(row.source_table!, [...before, { position, changes: JSON.parse(row.changes!) }]);
  }
  return past;
}

/** By source table that was copied again: where its newest copy begins. Nothing of before matters, in a replay too. */
export async function readCopyBeginnings(target: ClientBase, { pipeline, at }: Claim): Promise<Map<string, Position>> {
  const { rows } = await target.query<Record<'source_table' | 'lsn' | 'index', string>>(
    `SELECT DISTINCT ON (source_table) source_table, lsn, index FROM ferry.schema_change
      WHERE pipeline = $1 AND partition = $2 AND action = 'copied again' ORDER BY source_table, lsn DESC, index DESC`,
    [pipeline, at.partition],
  );
  return new Map(rows.map((row) => [row.source_table, { lsn: parseLsn(row.lsn), index: Number(row.index) }]));
}

/** Stays over replays, as changes of columns do. */
export async function recordCopyBeginning(
  target: ClientBase,
  { pipeline, at }: Claim,
  source: string,
  { lsn, index }: Position,
): Promise<void> {
  await target.query(
    `INSERT INTO ferry.schema_change (pipeline, source_table, partition, lsn, index, changes, action)
     VALUES ($1, $2, $3, $4::pg_lsn, $5, '[]', 'copied again') ON CONFLICT DO NOTHING`,
    [pipeline, source, at.partition, formatLsn(lsn), index],
  );
}

/** Puts down, in the transaction that writes its first rows, which version of a table has come. */
export async function recordVersion(target: ClientBase, { pipeline, at }: Claim, seen: VersionSeen): Promise<void> {
  const { source, known, position, changes, action } = seen;
  await target.query(
    `INSERT INTO ferry.table_state (pipeline, source_table, partition, relation) VALUES ($1, $2, $3, $4)
     ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET relation = EXCLUDED.relation, accepts = false`,
    [pipeline, source, at.partition, JSON.stringify(known)],
  );
  if (changes.length === 0) return;
  await target.query(
    `INSERT INTO ferry.schema_change (pipeline, source_table, partition, lsn, index, changes, action)
     VALUES ($1, $2, $3, $4::pg_lsn, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [pipeline, source, at.partition, formatLsn(position.lsn), position.index, JSON.stringify(changes), action],
  );
}

/** A transaction of ours alone: nobody may have taken the partition over. */
async function asOwner(target: ClientBase, claim: Claim, act: () => Promise<void>): Promise<void> {
  await target.query('BEGIN');
  await act();
  await holdCheckpoint(target, claim);
  await target.query('COMMIT');
}

/** Lets a table stand behind a position. */
export async function haltTable(
  target: ClientBase,
  claim: Claim,
  source: string,
  stop: { readonly offset: number; readonly position: Position; readonly reason: StopReason },
): Promise<void> {
  const { pipeline, at } = claim;
  await asOwner(target, claim, async () => {
    await target.query(
      `INSERT INTO ferry.table_state AS s
         (pipeline, source_table, partition, state, reason, stopped_offset, stopped_lsn, stopped_index)
       VALUES ($1, $2, $3, 'halted', $4, $5, $6::pg_lsn, $7)
       ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET state = 'halted', reason = EXCLUDED.reason,
         stopped_offset = EXCLUDED.stopped_offset, stopped_lsn = EXCLUDED.stopped_lsn, stopped_index = EXCLUDED.stopped_index,
         changed_at = clock_timestamp(), changed_by = session_user`,
      [
        pipeline,
        source,
        at.partition,
        JSON.stringify(stop.reason),
        stop.offset,
        formatLsn(stop.position.lsn),
        stop.position.index,
      ],
    );
  });
}

/**
 * Changes the target's table as the source's was, and puts down that it was done.
 * @param due what is left to do, asked while no other partition changes the table.
 */
export async function propagate(
  target: ClientBase,
  claim: Claim,
  seen: VersionSeen,
  due: () => Promise<readonly string[]>,
): Promise<void> {
  await asOwner(target, claim, async () => {
    // Readers of the table must not queue up behind us for long.
    await target.query("SET LOCAL lock_timeout = '5s'");
    await target.query('SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))', [
      `ferry ${claim.pipeline} ${seen.source}`,
    ]);
    for (const statement of await due()) await target.query(statement);
    await target.query('SET LOCAL lock_timeout = 0');
    await recordVersion(target, claim, seen);
  });
}

/** A table begins anew in a partition: nothing of it is copied, and whichever version comes next is its first. */
export async function forgetTable(target: ClientBase, { pipeline, at }: Claim, source: string): Promise<void> {
  await target.query(
    `UPDATE ferry.table_state SET copied = false, relation = NULL, accepts = false, state = 'running', reason = NULL,
            stopped_offset = NULL, stopped_lsn = NULL, stopped_index = NULL, changed_at = clock_timestamp()
      WHERE pipeline = $1 AND partition = $2 AND source_table = $3`,
    [pipeline, at.partition, source],
  );
}

/** It has all that the others have. */
export async function tableCaughtUp(target: ClientBase, claim: Claim, source: string): Promise<void> {
  const { pipeline, at } = claim;
  await asOwner(target, claim, async () => {
    await target.query(
      `UPDATE ferry.table_state SET state = 'running', reason = NULL, stopped_offset = NULL, stopped_lsn = NULL,
              stopped_index = NULL, changed_at = clock_timestamp()
        WHERE pipeline = $1 AND partition = $2 AND source_table = $3 AND state = 'catching-up'`,
      [pipeline, at.partition, source],
    );
  });
}

/** Source tables whose snapshot has been applied to its end in a partition. */
export async function readCopiedTables(target: ClientBase, pipeline: string, partition: number): Promise<Set<string>> {
  const { rows } = await target.query<{ source_table: string }>(
    'SELECT source_table FROM ferry.table_state WHERE pipeline = $1 AND partition = $2 AND copied',
    [pipeline, partition],
  );
  return new Set(rows.map((row) => row.source_table));
}
