import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../platform/postgres.js';
import { armFence, expectFence, raiseFence } from '../../services/control/cutover/fence.js';
import { liftFence, takeOverFence } from '../../services/control/cutover/fence-function.js';
import { eventually } from '../support/eventually.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const OWNER = { pipeline: 'p', run: 'run-1', attempt: 'attempt-1' };
const TABLES = [{ schema: 'public', table: 'orders' }];
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
    await armFence(coordinator, OWNER, TABLES, new AbortController().signal);
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.end()));
    await database?.drop();
  });
  afterEach(async () => {
    for (const session of [writer, other]) await session.query('ROLLBACK');
    await coordinator.query('SELECT pg_catalog.pg_advisory_unlock_all()');
    await liftFence(coordinator, { pipeline: 'p', run: 'any' });
    await armFence(coordinator, OWNER, TABLES, new AbortController().signal);
  });

  const insert = (session: Client, id: number) => session.query(`INSERT INTO public.orders VALUES (${id})`);
  const ids = async () => (await coordinator.query('SELECT id FROM public.orders ORDER BY 1')).rows.map(({ id }) => id);
  const isWaiting = async () => {
    const { rows } = await other.query(`SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`);
    return rows.length === 1;
  };

  test('armed, lets writes pass', async () => {
    await Promise.all([insert(writer, 1), insert(other, 2)]);
    expect(await ids()).toEqual(['1', '2']);
  });

  test('being raised, lets a transaction end that had begun to write, and refuses all others from that moment', async () => {
    await writer.query('BEGIN');
    await insert(writer, 3);
    const raised = raiseFence(coordinator, OWNER, 20_000);
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
    await raiseFence(coordinator, OWNER, 1_000);
    await expect(insert(writer, 8)).rejects.toMatchObject(REFUSED);
    await expect(other.query('TRUNCATE public.orders')).rejects.toMatchObject(REFUSED);
  });

  test('not raised in time, is armed as before', async () => {
    await writer.query('BEGIN');
    await insert(writer, 9);
    await expect(raiseFence(coordinator, OWNER, 200)).rejects.toMatchObject({ code: 'not-ready' });
    await insert(other, 10);
    await writer.query('COMMIT');
    expect(await ids()).toEqual(expect.arrayContaining(['9', '10']));
  });

  test.each([
    ['cutover', 'p', 'new'],
    ['rollback', 'p-back', 'old'],
  ])('names the %s to those whom it refuses', async (move, pipeline, project) => {
    const owner = { ...OWNER, pipeline };
    await armFence(coordinator, owner, TABLES, new AbortController().signal);
    await raiseFence(coordinator, owner, 1_000);
    const message = expect.stringContaining(
      `the pipeline ${pipeline} moves it to the ${project} project (${move} run-1)`,
    );
    await expect(insert(writer, 11)).rejects.toMatchObject({ ...REFUSED, message });
    await liftFence(coordinator, owner);
  });

  test('holds for the owner, for replica sessions, for COPY, MERGE and cascades', async () => {
    await coordinator.query(`CREATE TABLE public.parents (id int PRIMARY KEY);
      CREATE TABLE public.children (id int REFERENCES public.parents ON DELETE CASCADE);
      INSERT INTO public.parents VALUES (1); INSERT INTO public.children VALUES (1)`);
    const tables = [...TABLES, { schema: 'public', table: 'children' }];
    await armFence(coordinator, OWNER, tables, new AbortController().signal);
    await raiseFence(coordinator, OWNER, 1_000);
    for (const sql of [
      "SET LOCAL session_replication_role = 'replica'; INSERT INTO public.orders VALUES (12)",
      'MERGE INTO public.orders o USING (VALUES (13)) v (id) ON o.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id)',
      'DELETE FROM public.parents',
      'TRUNCATE public.parents CASCADE',
      'WITH new AS (INSERT INTO public.orders VALUES (14) RETURNING id) SELECT id FROM new',
    ]) {
      await writer.query('BEGIN');
      await expect(writer.query(sql), sql).rejects.toMatchObject({ code: '40001' });
      await writer.query('ROLLBACK');
    }
    await liftFence(coordinator, OWNER);
    await coordinator.query('DROP TABLE public.children, public.parents');
  });

  test('of another attempt is taken over while it is closed, and cannot be lifted by the one before', async () => {
    const next = { ...OWNER, attempt: 'attempt-2' };
    expect(await takeOverFence(other, next)).toBe(false);
    await raiseFence(coordinator, OWNER, 1_000);
    expect(await takeOverFence(other, { ...next, run: 'run-2' })).toBe(false);
    expect(await takeOverFence(other, next)).toBe(true);
    await liftFence(coordinator, OWNER);
    await expect(insert(writer, 15)).rejects.toMatchObject(REFUSED);
    await expect(raiseFence(coordinator, OWNER, 1_000)).rejects.toMatchObject({ code: 'not-ready' });
    await expect(expectFence(coordinator, OWNER, TABLES)).rejects.toMatchObject({ code: 'not-ready' });
    await expectFence(other, next, TABLES);
    await liftFence(other, next);
    await insert(writer, 16);
  });

  test('is found wanting when a partition came, or a trigger went, behind its back', async () => {
    await coordinator.query(`CREATE TABLE public.parts (id int) PARTITION BY RANGE (id);
      CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM (0) TO (10)`);
    const tables = [...TABLES, { schema: 'public', table: 'parts' }];
    await armFence(coordinator, OWNER, tables, new AbortController().signal);
    await raiseFence(coordinator, OWNER, 1_000);
    await expectFence(coordinator, OWNER, tables);
    await coordinator.query('CREATE TABLE public.parts_2 PARTITION OF public.parts FOR VALUES FROM (10) TO (20)');
    const found = expectFence(coordinator, OWNER, tables);
    await expect(found).rejects.toMatchObject({ message: expect.stringMatching(/^public\.parts_2 has no fence/) });
    await coordinator.query('DROP TABLE public.parts; ALTER TABLE public.orders DISABLE TRIGGER ferry_p_fence');
    const lost = expectFence(coordinator, OWNER, TABLES);
    await expect(lost).rejects.toMatchObject({ message: expect.stringMatching(/^public\.orders has no fence/) });
  });
});
