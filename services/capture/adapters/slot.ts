import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, type Lsn, parseLsn } from '../../../core/lsn.js';

/**
 * Makes sure that the slot has everything behind what the log holds.
 *
 * Case 1: no slot, empty log: created here.
 * Case 2: no slot, but a log: the slot was dropped, and what happened since is gone.
 * Case 3: a slot of another plugin or database: not ours.
 * Case 4: a slot that the server invalidated (max_slot_wal_keep_size).
 * Case 5: a slot that starts behind the log's end: it was recreated or advanced by somebody, and leaves a hole.
 * Case 6: a slot with everything: used. Whether another process reads it, the server says when we do.
 *
 * @param loggedThrough the LSN up to which the log is complete; undefined for an empty log.
 */
export async function ensureSlot(source: ClientBase, slot: string, loggedThrough: Lsn | undefined): Promise<void> {
  const { rows } = await source.query<Record<string, string | null>>(
    `SELECT plugin, database, current_database() AS here, confirmed_flush_lsn, wal_status
       FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  const found = rows[0];
  if (!found && loggedThrough === undefined) {
    await createSlot(source, slot);
    return;
  }
  if (!found) {
    throw new FerryError(
      'slot-lost',
      `the replication slot ${slot} is gone, but the log ends at ${formatLsn(loggedThrough!)}`,
      {
        details: { slot },
      },
    );
  }
  if (found.plugin !== 'pgoutput' || found.database !== found.here) {
    throw new FerryError(
      'slot-foreign',
      `the replication slot ${slot} belongs to the database ${found.database} and the plugin ${found.plugin}`,
      { details: { slot } },
    );
  }
  if (found.wal_status === 'lost') {
    throw new FerryError('slot-lost', `the server has removed WAL that the replication slot ${slot} needs`, {
      details: { slot, walStatus: found.wal_status },
    });
  }
  const confirmed = parseLsn(found.confirmed_flush_lsn!);
  if (loggedThrough !== undefined && confirmed > loggedThrough) {
    throw new FerryError(
      'slot-lost',
      `the replication slot ${slot} starts at ${formatLsn(confirmed)}, but the log ends at ${formatLsn(loggedThrough)}: ` +
        'what lies between was never captured',
      { details: { slot } },
    );
  }
}

/** From PostgreSQL 17 on standbys may keep the slot too, so that capture goes on after a failover. */
async function createSlot(source: ClientBase, slot: string): Promise<void> {
  const { rows } = await source.query<{ server_version_num: string }>('SHOW server_version_num');
  const failover = Number(rows[0]!.server_version_num) >= 170_000 ? ', failover => true' : '';
  await source.query(`SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput'${failover})`, [slot]);
}
