import type { ClientBase } from 'pg';

/** A server that follows another one. */
export interface Standby {
  /** host:port of the server that it receives its WAL from; undefined while it receives none, or where our role may not know. */
  readonly follows: string | undefined;
}

/** @returns undefined for a primary. */
export async function readStandby(session: ClientBase): Promise<Standby | undefined> {
  const { rows } = await session.query<{ standby: string; follows: string | null }>(
    `SELECT pg_catalog.pg_is_in_recovery() AS standby, r.sender_host || ':' || r.sender_port AS follows
       FROM (SELECT) one LEFT JOIN pg_catalog.pg_stat_wal_receiver r ON true`,
  );
  const [row] = rows;
  return row!.standby === 't' ? { follows: row!.follows ?? undefined } : undefined;
}

/** Why a source cannot be one, though PostgreSQL 16 and later decode WAL there. */
export const NEEDS_PRIMARY =
  'capture makes a publication on the source, and writes heartbeats, the watermarks of the snapshot and the markers of the cutover into its WAL, which only the primary can';

/** What a configuration that names a standby must name. */
export function namePrimary(side: string, { follows }: Standby): string {
  return follows === undefined
    ? `Name the primary in ${side}.url.`
    : `Name the primary in ${side}.url: this one follows ${follows}.`;
}
