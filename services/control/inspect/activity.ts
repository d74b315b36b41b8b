import type { ClientBase } from 'pg';
import { jsonRows } from '../preflight/json-rows.js';

/** What the statistics say of a table, so far. */
export interface ActivityReading {
  /** Seconds of the server's clock. */
  readonly at: number;
  /** Rows inserted, updated and deleted since the statistics began, by table OID. */
  readonly writes: ReadonlyMap<number, number>;
  /** Rows that are thought to be alive, by table OID. */
  readonly liveRows: ReadonlyMap<number, number>;
  /** Seconds since the statistics began; null where the server does not say. */
  readonly countedSeconds: number | null;
}

/** How much a table is written to. */
export interface Activity {
  /** Rows a second between two readings. */
  readonly writesPerSecond: number;
  /** Rows a second since the statistics began; null where nobody knows since when they count. */
  readonly averageWritesPerSecond: number | null;
}

const TABLES = `
  SELECT relid::bigint AS oid, n_tup_ins + n_tup_upd + n_tup_del AS writes, n_live_tup AS live
  FROM pg_stat_user_tables`;

const CLOCK = `
  SELECT extract(epoch FROM clock_timestamp())::float8 AS at,
         extract(epoch FROM clock_timestamp() - stats_reset)::float8 AS counted
  FROM pg_stat_database WHERE datname = current_database()`;

/** A transaction keeps the statistics that it has seen once: they are let go first. */
export async function readActivity(client: ClientBase): Promise<ActivityReading> {
  await client.query('SELECT pg_catalog.pg_stat_clear_snapshot()');
  const [clock] = await jsonRows<{ at: number; counted: number | null }>(client, CLOCK);
  const tables = await jsonRows<{ oid: number; writes: number; live: number }>(client, TABLES);
  return {
    at: clock!.at,
    countedSeconds: clock!.counted,
    writes: new Map(tables.map(({ oid, writes }) => [oid, writes])),
    liveRows: new Map(tables.map(({ oid, live }) => [oid, live])),
  };
}

/** @param oid of a table; one without statistics has not been written to. */
export function activityOf(oid: number, first: ActivityReading, second: ActivityReading): Activity {
  const written = second.writes.get(oid) ?? 0;
  const seconds = Math.max(0.001, second.at - first.at);
  // Statistics that were reset between the readings count from nothing.
  const since = Math.max(0, written - (first.writes.get(oid) ?? 0));
  const { countedSeconds } = second;
  return {
    writesPerSecond: since / seconds,
    averageWritesPerSecond: countedSeconds === null || countedSeconds <= 0 ? null : written / countedSeconds,
  };
}
