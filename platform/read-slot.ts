import type { ClientBase } from 'pg';

/** What the source keeps for the pipeline. */
export interface SlotState {
  readonly retainedBytes: number;
  /** What may be written before the slot is given up; null where `max_slot_wal_keep_size` sets no limit. */
  readonly headroomBytes: number | null;
  /** The server's process that reads it; null when none does. */
  readonly activePid: number | null;
}

/** @returns undefined when there is no such slot, or it holds nothing any more. */
export async function readSlot(source: ClientBase, slot: string): Promise<SlotState | undefined> {
  const { rows } = await source.query<Record<'retained' | 'headroom' | 'active_pid', string | null>>(
    // A standby does not write WAL; what it has replayed is what it keeps from there on.
    `SELECT pg_catalog.pg_wal_lsn_diff(
              CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                   ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn) AS retained,
            safe_wal_size AS headroom, active_pid
       FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  const found = rows[0];
  if (!found || found.retained === null) return undefined;
  return {
    retainedBytes: Math.max(0, Number(found.retained)),
    headroomBytes: found.headroom === null ? null : Number(found.headroom),
    activePid: found.active_pid === null ? null : Number(found.active_pid),
  };
}
