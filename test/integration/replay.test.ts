import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAILPOINT_SAID } from '../../platform/failpoint.js';
import { connect } from '../../platform/postgres.js';
import { type CliError, type CliResult, FerryProcess, runFerry } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { type OwnServer, ownServer } from '../support/own-server.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic, moveTablesSql } from '../support/pipeline-files.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { tableDifferences } from '../support/table-differences.js';

/** More than apply takes in one read, so that a replay has a middle. */
const BIG = "pg_catalog.repeat('0123456789', 10000)";
const SCHEMA = `
  CREATE TABLE public.users (id int PRIMARY KEY, name text, big text);
  ALTER TABLE public.users ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE public.posts (id int PRIMARY KEY, author int);
  CREATE TABLE public.labels (id int PRIMARY KEY, code int NOT NULL);
  CREATE TABLE public.clicks (post int, at int);
  ALTER TABLE public.clicks REPLICA IDENTITY FULL`;
const TABLES = { shared: fromPublic('users'), growth: fromPublic('posts', 'labels', 'clicks') };
const OTHER_KEY = 'DROP CONSTRAINT labels_pkey, ADD PRIMARY KEY (code)';

describeWithPostgres('a replay', () => {
  let server: OwnServer;
  let pipeline: Pipeline;
  const databases: FreshDatabase[] = [];
  const sessions: Client[] = [];

  beforeAll(async () => {
    server = await ownServer();
    pipeline = await startPipeline({
      driver: 'embedded',
      sourceServer: server.url,
      schemaSql: SCHEMA,
      sourceSql: `INSERT INTO public.users SELECT i, 'u', ${BIG} FROM generate_series(1, 30) i;
        INSERT INTO public.labels SELECT i, i % 5 FROM generate_series(1, 20) i;
        INSERT INTO public.clicks SELECT 1, 1 FROM generate_series(1, 5)`,
      tables: TABLES,
    });
    await change(1);
    await pipeline.expectApplied();
  });

  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.end().catch(() => {})));
    await pipeline?.[Symbol.asyncDispose]();
    await Promise.all(databases.map((database) => database.drop()));
    await server?.stop();
  });

  /** Inserts, updates without their large value, key changes, deletes and equal rows. */
  async function change(n: number): Promise<void> {
    await pipeline.source.query(`
      UPDATE public.users SET name = 'changed ${n}' WHERE id <= 10;
      UPDATE public.users SET id = id + 1000 WHERE id BETWEEN ${n * 2 + 10} AND ${n * 2 + 11};
      INSERT INTO public.posts SELECT i, ${n} FROM generate_series(${n * 100}, ${n * 100 + 50}) i;
      DELETE FROM public.posts WHERE id % 7 = 0;
      INSERT INTO public.clicks VALUES (1, 1), (${n}, 2); DELETE FROM public.clicks WHERE at = 2 AND post < ${n}`);
  }

  /** A database with the tables of the target, and nothing in them. */
  async function emptyTarget(): Promise<{ readonly url: string; readonly client: Client }> {
    const database = await freshDatabase(testServers().targetServer, 'replay_second');
    databases.push(database);
    const client = await connect('target', database.url, { applicationName: 'ferry-test' });
    sessions.push(client);
    await client.query(`${SCHEMA};\n${moveTablesSql(TABLES)};\nALTER TABLE growth.labels ${OTHER_KEY}`);
    return { url: database.url, client };
  }

  const args = (...more: readonly string[]) => ['replay', '-c', pipeline.config.directory, '--yes', '--json', ...more];
  const into = (url: string) => ({ ...pipeline.env, SECOND_URL: url });
  const replayInto = (url: string, ...more: readonly string[]): Promise<CliResult> =>
    runFerry(args('--target', 'SECOND_URL', ...more), into(url));

  async function expectEqual(client: Client): Promise<void> {
    for (const mapping of pipeline.config.tables) {
      expect(await tableDifferences(pipeline.source, client, mapping)).toEqual([]);
    }
  }

  const read = async (client: Client, sql: string) => (await client.query<Record<string, string>>(sql)).rows;
  const runs = (client: Client) => read(client, 'SELECT outcome, ends FROM ferry.replay ORDER BY started_at');
  const epochs = () => read(pipeline.target, 'SELECT topic, epoch FROM ferry.checkpoint ORDER BY 1');

  test('of some tables; one whose key has changed is copied again once, and replayed from that copy', async () => {
    const stateOf = async (table: string) =>
      (await pipeline.status()).tables.find(({ source }) => source === table)!.state;
    await pipeline.source.query(`
      UPDATE public.labels SET code = id + 100 WHERE id > 1; ALTER TABLE public.labels ${OTHER_KEY};
      DELETE FROM public.labels WHERE code = 110`);
    await pipeline.until('the table to halt', async () => (await stateOf('public.labels')) === 'halted');
    // It halts before what comes ahead of the change is written.
    await pipeline.untilApplied();
    await pipeline.target.query(`ALTER TABLE growth.labels ${OTHER_KEY}`);
    await pipeline.ferry('table', 'resume', 'public.labels');
    await pipeline.expectApplied();
    const ofLabels = (...more: readonly string[]) => runFerry(args('--table', 'public.labels', ...more), pipeline.env);
    const halted = await ofLabels();
    expect([halted.code, halted.json<CliError>().error], halted.stderr).toMatchObject([
      3,
      {
        message: expect.stringMatching(/labels is halted: .*since this row, the key changed from \(id\) to \(code\)/),
        remedy: expect.stringContaining('ferry table resnapshot public.labels'),
      },
    ]);
    await pipeline.ferry('table', 'resnapshot', 'public.labels', '--yes');
    await pipeline.until('the copy', async () => (await stateOf('public.labels')) === 'streaming');
    await pipeline.source.query('UPDATE public.labels SET id = 0 WHERE code = 120');
    await pipeline.expectApplied();

    await pipeline.target.query(`
      UPDATE growth.labels SET id = -id; INSERT INTO growth.labels VALUES (1, 999); UPDATE growth.posts SET author = -author`);
    const replayed = await ofLabels('--restart');
    expect([replayed.code, replayed.json()], replayed.stderr).toMatchObject([
      0,
      { ok: true, resumed: false, tables: [{ source: 'public.labels' }] },
    ]);
    await pipeline.expectEqual('public.labels');
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
    await pipeline.target.query('UPDATE growth.posts SET author = -author');
    await pipeline.expectEqual();
    await pipeline.target.query('DELETE FROM ferry.replay');
  });

  test('beside the live target, killed in the middle, goes on and leaves the live one alone', async () => {
    await pipeline.target.query("UPDATE shared.users SET name = 'of the live one' WHERE id = 30");
    const before = await epochs();
    const second = await emptyTarget();
    const dying = new FerryProcess(args('--target', 'SECOND_URL'), {
      ...into(second.url),
      FERRY_FAILPOINTS: 'apply.committed=die:0@0',
    });
    const { code, stderr } = await dying.ended;
    expect([code, stderr]).toEqual([null, expect.stringContaining(`${FAILPOINT_SAID} die apply.committed`)]);
    const [open, ...others] = await runs(second.client);
    expect([open!.outcome, others]).toEqual([null, []]);
    const [progress] = await read(second.client, 'SELECT sum(next_offset) AS done FROM ferry.checkpoint');
    const total = JSON.parse(open!.ends!).reduce((sum: number, { end }: { end: number }) => sum + end, 0);
    expect(Number(progress!.done)).toBeGreaterThan(0);
    expect(Number(progress!.done)).toBeLessThan(total);

    await change(2);
    const result = await replayInto(second.url);
    expect([result.code, result.json()], result.stderr).toMatchObject([0, { ok: true, resumed: true, verified: true }]);
    expect(result.stderr).toMatch(/replaying: 100 %/);
    expect(await runs(second.client)).toEqual([{ ...open, outcome: 'equal' }]);
    await expectEqual(second.client);
    expect(await epochs()).toEqual(before);
    const live = await read(pipeline.target, 'SELECT name FROM shared.users WHERE id = 30');
    expect(live).toEqual([{ name: 'of the live one' }]);
    expect(await read(pipeline.target, 'SELECT count(*) FROM ferry.replay')).toEqual([{ count: '0' }]);
    await pipeline.target.query("UPDATE shared.users SET name = 'u' WHERE id = 30");

    // Restored, as it were: it stands where it stood, and nothing of it is emptied.
    await change(3);
    const kept = await read(second.client, 'SELECT xmin FROM shared.users WHERE id = 30');
    const behind = await replayInto(second.url, '--from', '2020-01-01T00:00:00Z');
    expect([behind.code, behind.json<CliError>().error.message]).toEqual([
      3,
      expect.stringMatching(/^the target has t\w+\.domain\.\w+\/0 up to [0-9A-F/]+, 2.*: that is behind --from$/),
    ]);
    const goesOn = await replayInto(second.url, '--from', new Date().toISOString());
    expect([goesOn.code, goesOn.json()], goesOn.stderr).toMatchObject([0, { ok: true, resumed: false }]);
    await expectEqual(second.client);
    expect(await read(second.client, 'SELECT xmin FROM shared.users WHERE id = 30')).toEqual(kept);
  });

  test('in place, killed, goes on without emptying again', async () => {
    await pipeline.untilApplied();
    // It has applied nothing of the replay by then.
    await stopBetweenTransactions(pipeline);
    const dying = new FerryProcess(args(), pipeline.env);
    await Promise.race([
      pipeline.until('the replay to have begun', async () => (await runs(pipeline.target)).length === 1),
      dying.ended.then(({ code, stderr }) => expect.fail(`the replay ended with ${code}: ${stderr}`)),
    ]);
    dying.signal('SIGKILL');
    await dying.ended;
    const other = await runFerry(args('--from', new Date().toISOString()), pipeline.env);
    expect([other.code, other.json<CliError>().error.message]).toEqual([
      3,
      expect.stringMatching(/^a replay of all tables, begun at 2.*, has not finished$/),
    ]);
    expect(await pipeline.status()).toMatchObject({
      openReplay: { tables: null, isRunning: false },
      nextSteps: [
        expect.stringMatching(/^A rebuild of the target, begun at 2.*, was left\. Run ferry replay again as it was/),
      ],
    });
    pipeline.apply.signal('SIGCONT');
    const result = await pipeline.ferry('replay', '--json');
    expect([result.code, result.json()], result.stderr).toMatchObject([0, { ok: true, resumed: true }]);
    expect(await runs(pipeline.target)).toMatchObject([{ outcome: 'equal' }]);
    await pipeline.expectEqual();
  });

  test('in place, with a service that it starts and that will not run, ends, and goes on once it does', async () => {
    await pipeline.apply.stop();
    const file = join(pipeline.config.directory, 'pipeline.yaml');
    const written = await readFile(file, 'utf8');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const http = { port: (taken.address() as AddressInfo).port };
    try {
      await writeFile(file, JSON.stringify({ ...JSON.parse(written), http }));
      const { code, json, stderr } = await pipeline.ferry('replay', '--yes', '--json');
      expect([code, json<CliError>().error.message], stderr).toEqual([2, 'apply refused its configuration']);
      expect(stderr).toContain(`cannot serve metrics on 127.0.0.1:${http.port}`);
    } finally {
      taken.close();
      await writeFile(file, written);
    }
    pipeline.apply.start();
    const result = await pipeline.ferry('replay', '--yes', '--json');
    expect([result.code, result.json()], result.stderr).toMatchObject([0, { ok: true }]);
  });

  test('is refused what it must not empty, and what it cannot know', async () => {
    const filled = await emptyTarget();
    await filled.client.query('INSERT INTO growth.posts VALUES (1, 1)');
    const other = await emptyTarget();
    await other.client.query('ALTER TABLE growth.posts DROP author, ADD extra int');
    const unknown = await emptyTarget();
    const cases: readonly (readonly [CliResult, number, RegExp])[] = [
      [await replayInto(pipeline.config.target.url.replace('127.0.0.1', 'localhost')), 2, /own target database/],
      [await replayInto(pipeline.config.source.url), 2, /own source database/],
      [await replayInto(filled.url), 3, /rows that no replay has put there: growth\.posts$/],
      [
        await replayInto(other.url),
        1,
        /growth\.posts\.author is integer in the live one, and not there; growth\.posts\.extra integer is not in/,
      ],
      [await replayInto(unknown.url, '--from', '0/1'), 3, /nothing in the target says how far/],
    ];
    for (const [result, code, message] of cases) {
      expect(result.json<CliError>().error.message, result.stderr).toMatch(message);
      expect(result.code).toBe(code);
    }
    const made = "SELECT count(*) FROM pg_namespace WHERE nspname = 'ferry'";
    expect(await read(pipeline.source, made)).toEqual([{ count: '0' }]);
    expect(await read(filled.client, 'SELECT id FROM growth.posts')).toEqual([{ id: '1' }]);
  });

  test('from topics alone, with the source switched off, equals its last state', async () => {
    await pipeline.transform.stop();
    await pipeline.apply.kill();
    await change(4);
    const [{ lsn }] = (await read(pipeline.source, 'SELECT pg_current_wal_insert_lsn() AS lsn')) as [{ lsn: string }];
    await pipeline.until('capture to have all', async () => {
      const slots = `SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn >= '${lsn}'`;
      return (await pipeline.source.query(slots)).rowCount === 1;
    });
    await pipeline.capture.kill();
    const rows = (schema: (name: string) => string) =>
      [
        `SELECT id, name, big FROM ${schema('users')} ORDER BY id`,
        `SELECT id, author FROM ${schema('posts')} ORDER BY id`,
        `SELECT id, code FROM ${schema('labels')} ORDER BY id`,
        `SELECT post, at FROM ${schema('clicks')} ORDER BY post, at`,
      ] as const;
    const readAll = async (client: Client, queries: readonly string[]) => {
      const found = [];
      for (const sql of queries) found.push(await read(client, sql));
      return found;
    };
    const last = await readAll(
      pipeline.source,
      rows((name) => `public.${name}`),
    );
    const second = await emptyTarget();
    await server.down({ crash: false });
    try {
      const unverified = await replayInto(second.url);
      expect([unverified.code, unverified.json()], unverified.stderr).toMatchObject([
        3,
        { ok: false, verified: false },
      ]);
      const rebuilt = rows((name) => `${name === 'users' ? 'shared' : 'growth'}.${name}`);
      expect(await readAll(second.client, rebuilt)).toEqual(last);
    } finally {
      await server.up();
    }
    const verified = await replayInto(second.url);
    expect([verified.code, verified.json()], verified.stderr).toMatchObject([
      0,
      { ok: true, resumed: true, verified: true, tables: { length: 4 } },
    ]);
  });
});

/** What apply has locked when it stops, a replay would wait for. */
async function stopBetweenTransactions({ apply, target }: Pipeline): Promise<void> {
  const isIdle = async () => {
    apply.signal('SIGSTOP');
    // What was under way at the server comes to its end.
    await sleep(100);
    const { rowCount } = await target.query(`SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`);
    if (rowCount === 0) return true;
    apply.signal('SIGCONT');
    return false;
  };
  await eventually(isIdle, { what: 'apply to stand between two transactions' });
}
