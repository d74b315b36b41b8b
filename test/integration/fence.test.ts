import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../platform/postgres.js';
import { armFence, liftFence, raiseFence } from '../../services/control/cutover/fence.js';
import { eventually } from '../support/eventually.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const REFUSED = { code: '40001', message: expect.stringContaining('writes to public.orders are refused') };

describeWithPostgres('the fence', () => {
  let database: FreshDatabase;
  const sessions: Client[] = [];
  let coordinator: Client;
  let writer: Client;
  let other: Client;

  beforeAll(async () => {
    database = await freshDatabase(testServers().sourceServer, 'fence');
    for (let i = 0; i < 3; i++) sessions.push(await connect('source', database.url, { applicationName: 'ferry-test' }));
    [coordinator, writer, other] = sessions as [Client, Client, Client];
    await coordinator.query('CREATE TABLE public.orders (id int PRIMARY KEY)');
    await armFence(coordinator, 'p', [{ schema: 'public', table: 'orders' }], new AbortController().signal);
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.end()));
    await database?.drop();
  });
  afterEach(async () => {
    for (const session of [writer, other]) await session.query('ROLLBACK');
    await coordinator.query('SELECT pg_catalog.pg_advisory_unlock_all()');
    await liftFence(coordinator, 'p');
    await armFence(coordinator, 'p', [{ schema: 'public', table: 'orders' }], new AbortController().signal);
  });

  const insert = (session: Client, id: number) => session.query(`INSERT INTO public.orders VALUES (${id})`);
  const ids = async () => (await coordinator.query('SELECT id FROM public.orders ORDER BY 1')).rows.map(({ id }) => id);
  const isWaiting = async () => {
    const { rows } = await other.query("SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND NOT granted");
    return rows.length === 1;
  };

  test('armed, lets writes pass', async () => {
    await Promise.all([insert(writer, 1), insert(other, 2)]);
    expect(await ids()).toEqual(['1', '2']);
  });

  test('being raised, lets a transaction end that had begun to write, and refuses all others from that moment', async () => {
    await writer.query('BEGIN');
    await insert(writer, 3);
    const raised = raiseFence(coordinator, 'p', 20_000);
    await eventually(isWaiting, { what: 'the fence to wait for the writer' });
    await expect(insert(other, 4)).rejects.toMatchObject(REFUSED);
    await insert(writer, 5);
    await writer.query('COMMIT');
    await raised;
    await expect(insert(other, 6)).rejects.toMatchObject(REFUSED);
    expect(await ids()).toEqual(['1', '2', '3', '5']);
  });

  test('refuses who comes between its lock and its closing', async () => {
    await coordinator.query(
      "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext('ferry.fence'), pg_catalog.hashtext('p'))",
    );
    await expect(insert(writer, 7)).rejects.toMatchObject(REFUSED);
  });

  test('raised, refuses a transaction that had only read before, whatever it sees', async () => {
    await writer.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await writer.query('SELECT FROM public.orders');
    await raiseFence(coordinator, 'p', 1_000);
    await expect(insert(writer, 8)).rejects.toMatchObject(REFUSED);
    await expect(other.query('TRUNCATE public.orders')).rejects.toMatchObject(REFUSED);
  });

  test('not raised in time, is armed as before', async () => {
    await writer.query('BEGIN');
    await insert(writer, 9);
    await expect(raiseFence(coordinator, 'p', 200)).rejects.toMatchObject({ code: 'not-ready' });
    await insert(other, 10);
    await writer.query('COMMIT');
    expect(await ids()).toEqual(expect.arrayContaining(['9', '10']));
  });
});
