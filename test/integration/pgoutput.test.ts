import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLsn } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import { connect } from '../../platform/postgres.js';
import { RawEncoder } from '../../services/capture/raw-encoder.js';
import { RawOutput } from '../../services/capture/raw-output.js';
import type { TablePlan } from '../../services/capture/snapshot/chunk.js';
import { readTablePlan } from '../../services/capture/snapshot/table-plan.js';
import { SnapshotWindows } from '../../services/capture/snapshot/windows.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { linesOfAll } from '../support/record-builder.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const LONG = 2_600;
const SCHEMA = `
  CREATE TABLE public.users (id int PRIMARY KEY, name text, big text);
  CREATE TABLE public.whole (id int PRIMARY KEY, big text);
  CREATE TABLE public.longkeys (id text PRIMARY KEY, n int);
  CREATE TABLE public.other (id int PRIMARY KEY);
  ALTER TABLE public.users ALTER big SET STORAGE EXTERNAL;
  ALTER TABLE public.whole ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
  ALTER TABLE public.longkeys ALTER id SET STORAGE EXTERNAL`;

describeWithPostgres('what a real server writes of its WAL', () => {
  let database: FreshDatabase;
  let client: Client;
  let slots = 0;

  beforeAll(async () => {
    database = await freshDatabase(testServers().sourceServer, 'pgoutput');
    client = await connect('source', database.url, { applicationName: 'ferry-test' });
    await client.query(SCHEMA);
    await client.query('CREATE PUBLICATION p FOR TABLE public.users, public.whole, public.longkeys, public.other');
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  /** Runs each text as one transaction. @returns the raw records' lines without transactions and relations. */
  async function changesOf(...transactions: string[]) {
    const slot = `${database.name}_${++slots}`;
    await client.query("SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    for (const sql of transactions) await client.query(`BEGIN; ${sql}; COMMIT`);
    const { rows } = await client.query<{ data: string }>(
      `SELECT data FROM pg_catalog.pg_logical_slot_get_binary_changes($1, NULL, NULL,
         'proto_version', '1', 'publication_names', 'p', 'messages', 'true')`,
      [slot],
    );
    await client.query('SELECT pg_catalog.pg_drop_replication_slot($1)', [slot]);
    const output = new RawOutput([{ position: POSITION_ZERO, complete: true }]);
    const tables = new Map<string, TablePlan>();
    for (const table of ['users', 'whole', 'longkeys']) {
      tables.set(`public.${table}`, await readTablePlan(client, { schema: 'public', table }));
    }
    const encoder = new RawEncoder({
      output,
      windows: new SnapshotWindows(),
      tables,
      tallies: { read: new Map(), deduplicated: new Map(), captured: new Map() },
      onChunk: () => {},
    });
    for (const { data } of rows) encoder.take(Buffer.from(data.slice('\\x'.length), 'hex'));
    const lines = linesOfAll(output.take('raw')[0]?.values ?? []);
    const names = new Map(lines.flatMap((line) => ('relation' in line ? [[line.relation, line.table]] : [])));
    const events = lines.filter((line) => !('relation' in line || 'tx' in line || 'commit' in line));
    return { lines, events: events.map(({ rel, ...line }) => ({ ...line, ...(rel ? { rel: names.get(rel) } : {}) })) };
  }

  test('a transaction with its xid, time and LSNs, and what it did', async () => {
    await client.query('TRUNCATE public.users');
    const { lines, events } = await changesOf(
      `INSERT INTO public.users VALUES (1, e'A\\n"d"\\\\a 🚢', NULL); INSERT INTO public.other VALUES (1);
       SELECT pg_logical_emit_message(true, 'ferry:marker', 'x')`,
      'UPDATE public.users SET id = 2; DELETE FROM public.users; TRUNCATE public.other, public.users RESTART IDENTITY',
    );
    expect(events).toEqual([
      { rel: 'users', ix: 0, op: 'c', new: ['1', 'A\n"d"\\a 🚢', null] },
      // The row of a table that is not captured has its place, too.
      { message: 'ferry:marker', ix: 2, content: 'x' },
      { rel: 'users', ix: 0, op: 'u', key: ['1', null, null], new: ['2', 'A\n"d"\\a 🚢', null] },
      { rel: 'users', ix: 1, op: 'd', key: ['2', null, null] },
      { ix: 2, op: 't', relations: [expect.any(Number)], cascade: false, restartIdentity: true },
    ]);
    const [begun, committed] = [lines[0]!, lines.find((line) => 'commit' in line)!];
    expect(begun).toMatchObject({ tx: committed.commit, xid: expect.any(Number) });
    expect(Math.abs(Date.parse(begun.time as string) - Date.now())).toBeLessThan(60_000);
    expect(parseLsn(committed.end as string)).toBeGreaterThan(parseLsn(committed.commit as string));
  });

  test('values that are stored out of line and do not change: left out, or taken from the old row', async () => {
    const big = 'x'.repeat(10_000);
    await client.query('TRUNCATE public.users, public.whole');
    await client.query(
      `INSERT INTO public.users VALUES (1, 'a', '${big}'); INSERT INTO public.whole VALUES (1, '${big}')`,
    );
    const { events } = await changesOf(
      "UPDATE public.users SET name = 'b'; UPDATE public.users SET id = 2; UPDATE public.whole SET id = 2",
    );
    expect(events).toEqual([
      { rel: 'users', ix: 0, op: 'u', new: ['1', 'b', false] },
      { rel: 'users', ix: 1, op: 'u', key: ['1', null, null], new: ['2', 'b', false] },
      { rel: 'whole', ix: 2, op: 'u', old: ['1', big], new: ['2', big] },
    ]);
  });

  test('a key that is stored out of line is in every update', async () => {
    const key = 'k'.repeat(LONG);
    const { events } = await changesOf(
      `INSERT INTO public.longkeys VALUES ('${key}', 1)`,
      'UPDATE public.longkeys SET n = 2',
      'DELETE FROM public.longkeys',
    );
    expect(events).toEqual([
      { rel: 'longkeys', ix: 0, op: 'c', new: [key, '1'] },
      { rel: 'longkeys', ix: 0, op: 'u', key: [key, null], new: [key, '2'] },
      { rel: 'longkeys', ix: 0, op: 'd', key: [key, null] },
    ]);
  });
});
