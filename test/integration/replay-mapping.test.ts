import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CAPTURE_STATE, type CaptureState } from '../../core/stage-state.js';
import { FAILPOINT_SAID } from '../../platform/failpoint.js';
import { type LoadedPipeline, loadPipeline } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import { appliedInAll, emitMarker } from '../support/applied.js';
import { type CliError, type CliResult, FerryProcess, runFerry } from '../support/cli.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { type Tables, writeMappingFiles } from '../support/pipeline-files.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const SCHEMA = `
  CREATE TABLE public.users (id int PRIMARY KEY, name text, born date);
  CREATE TABLE public.posts (id int PRIMARY KEY, author int, state text, note text);
  ALTER TABLE public.posts REPLICA IDENTITY FULL;
  CREATE TABLE public.labels (id int PRIMARY KEY, code int NOT NULL);
  CREATE TABLE public.clicks (post int, at int);
  ALTER TABLE public.clicks REPLICA IDENTITY FULL`;

const CLICKS = { clicks: 'public.clicks' };
/** As the pipeline begins. */
const FIRST: Tables = {
  shared: { users: 'public.users' },
  growth: {
    posts: { from: 'public.posts', where: "state = 'shown'", drop: ['note'] },
    labels: 'public.labels',
    ...CLICKS,
  },
};
/** A column with another name, one that was dropped, other rows, and a table in another schema. */
const SECOND: Tables = {
  shared: { users: { from: 'public.users', rename: { name: 'full_name' } } },
  growth: { posts: { from: 'public.posts', where: "state in ('shown', 'new')" }, ...CLICKS },
  content: { labels: 'public.labels' },
};
const SECOND_DDL = `
  ALTER TABLE shared.users RENAME name TO full_name; ALTER TABLE growth.posts ADD note text;
  CREATE SCHEMA content; ALTER TABLE growth.labels SET SCHEMA content;`;
/** A column that is made, and a column less. */
const THIRD: Tables = {
  ...SECOND,
  shared: {
    users: { from: 'public.users', drop: ['born', 'name'], columns: { full_name: { from: 'name', steps: ['upper'] } } },
  },
};
const THIRD_TABLES = `
  CREATE SCHEMA shared; CREATE SCHEMA growth; CREATE SCHEMA content;
  CREATE TABLE shared.users (id int PRIMARY KEY, full_name text);
  CREATE TABLE growth.posts (id int PRIMARY KEY, author int, state text, note text);
  CREATE TABLE growth.clicks (post int, at int);
  CREATE TABLE content.labels (id int PRIMARY KEY, code int NOT NULL)`;

const SPOIL = `
  CREATE FUNCTION shared.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := 'spoiled'; RETURN NEW; END $$;
  CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON shared.users FOR EACH ROW WHEN (NEW.id % 100 = 0) EXECUTE FUNCTION shared.spoil();
  ALTER TABLE shared.users ENABLE ALWAYS TRIGGER spoil`;

/** The source's rows as a version of the mapping has them, and where. */
const EXPECTED = {
  second: [
    ['SELECT id, name, born FROM public.users', 'SELECT id, full_name, born FROM shared.users'],
    [
      "SELECT id, author, state, note FROM public.posts WHERE state IN ('shown', 'new')",
      'SELECT id, author, state, note FROM growth.posts',
    ],
    ['SELECT id, code FROM public.labels', 'SELECT id, code FROM content.labels'],
    ['SELECT post, at FROM public.clicks', 'SELECT post, at FROM growth.clicks'],
  ],
  third: [['SELECT id, upper(name) FROM public.users', 'SELECT id, full_name FROM shared.users']],
} as const;

describeWithPostgres('a mapping that changes', () => {
  let pipeline: Pipeline;
  let database: FreshDatabase | undefined;
  let second: Client | undefined;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      schemaSql: SCHEMA,
      sourceSql: `INSERT INTO public.users SELECT i, 'u' || i, '2000-01-01' FROM generate_series(1, 300) i;
        INSERT INTO public.posts SELECT i, i % 7, (ARRAY['shown', 'new', 'gone'])[i % 3 + 1], 'n' FROM generate_series(1, 300) i;
        INSERT INTO public.labels SELECT i, i FROM generate_series(1, 50) i;
        INSERT INTO public.clicks SELECT i % 3, 1 FROM generate_series(1, 20) i`,
      targetSql: 'ALTER TABLE public.posts DROP note; ALTER TABLE public.posts SET SCHEMA growth',
      tables: FIRST,
    });
    await change(1);
    await pipeline.untilApplied();
  });

  afterAll(async () => {
    await second?.end().catch(() => {});
    await pipeline?.[Symbol.asyncDispose]();
    await database?.drop();
  });

  /** Rows that come, change, go, change their key, and enter and leave what is filtered. */
  async function change(n: number): Promise<void> {
    await pipeline.source.query(`
      UPDATE public.users SET name = 'changed ${n}' WHERE id % 10 = ${n % 10};
      UPDATE public.users SET id = id + 1000 WHERE id = ${n};
      INSERT INTO public.posts SELECT i, ${n}, 'new', NULL FROM generate_series(${n * 10 + 1000}, ${n * 10 + 1004}) i;
      UPDATE public.posts SET state = (ARRAY['shown', 'new', 'gone'])[(id + ${n}) % 3 + 1], note = 'at ${n}' WHERE id % 20 = ${n % 20};
      DELETE FROM public.labels WHERE id = ${n}; INSERT INTO public.labels VALUES (${n} + 2000, ${n});
      INSERT INTO public.clicks VALUES (1, 1), (${n}, 2); DELETE FROM public.clicks WHERE at = 2 AND post < ${n}`);
  }

  let changes = 1;
  /** Changes the source again and again for as long as the work takes. */
  async function whileWriting<T>(work: () => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) {
        changes++;
        await change(changes);
        await sleep(30);
      }
    })();
    try {
      return await work();
    } finally {
      stop.abort();
      await writing;
    }
  }

  const args = (...more: readonly string[]) => [
    'replay',
    '--mapping',
    '-c',
    pipeline.config.directory,
    '--yes',
    '--json',
    ...more,
  ];
  const replay = () => runFerry(args(), pipeline.env);
  const write = (tables: Tables) => writeMappingFiles(pipeline.config.directory, tables);
  const config = () => readFile(join(pipeline.config.directory, 'pipeline.yaml'), 'utf8');
  const load = (targetUrl = pipeline.config.target.url) =>
    loadPipeline(pipeline.config.directory, { ...pipeline.env, TARGET_URL: targetUrl });
  const read = async (client: Client, sql: string) => (await client.query<Record<string, string>>(sql)).rows;
  const topics = async () => (await readdir(join(pipeline.config.directory, 'log', 'topics'))).sort();
  const named = (...names: string[]) => names.map((name) => `${pipeline.config.name}.${name}`).sort();

  async function expectRows(client: Client, tables: readonly (readonly [string, string])[], loaded: LoadedPipeline) {
    const marker = await emitMarker(pipeline.source);
    await pipeline.until('all to be applied', async () => ((await appliedInAll(loaded, client)) ?? 0n) > marker);
    for (const [ofSource, ofTarget] of tables) {
      const sorted = (sql: string) => `SELECT t::text AS row FROM (${sql}) t ORDER BY 1`;
      expect(await read(client, sorted(ofTarget)), ofTarget).toEqual(await read(pipeline.source, sorted(ofSource)));
    }
  }

  async function copied(): Promise<CaptureState['tables']> {
    await using log = await pipeline.openLog();
    return ((await log.control.get(CAPTURE_STATE)) as CaptureState).tables;
  }

  const expectRefused = (result: CliResult, code: number, message: RegExp, remedy: RegExp) =>
    expect([result.code, result.json<CliError>().error], result.stderr).toMatchObject([
      code,
      { message: expect.stringMatching(message), remedy: expect.stringMatching(remedy) },
    ]);

  test('is not taken over rows of before: transform and apply halt, and go on with that of before', async () => {
    const changed = /the mapping has changed since version 1 of it began, in ([^"]*)/;
    await pipeline.transform.stop();
    await write(SECOND);
    for (const service of [pipeline.transform, pipeline.process('apply')]) {
      service.start();
      service.mayEnd();
      expect(await service.ended).toMatchObject({ code: 1 });
      const [, names] = changed.exec(await service.stderr()) ?? [];
      expect(names).toBe('public.labels -> content.labels, public.posts -> growth.posts, public.users -> shared.users');
    }
    const { errors } = await pipeline.status();
    expect(errors).toContainEqual(expect.stringMatching(/^transform: the mapping has changed/));
    const plain = await pipeline.ferry('replay', '--yes', '--json');
    expectRefused(plain, 1, changed, /ferry replay --mapping/);
    await write(FIRST);
    pipeline.transform.start();
    await change(++changes);
    await pipeline.untilApplied();
  });

  test('is refused what the log or the target does not have, and nothing is changed by that', async () => {
    const before = [await config(), await topics()];
    await write({ ...SECOND, shared: { users: 'public.users', more: 'public.more' } });
    expectRefused(await replay(), 3, /raw topic has nothing of public\.more$/, /ferry table add public\.more/);
    await write({ shared: SECOND.shared!, growth: SECOND.growth! });
    expectRefused(await replay(), 3, /raw topic has rows of public\.labels, /, /ferry table remove public\.labels/);
    await write(SECOND);
    expectRefused(await replay(), 1, /^the mapping does not fit: .*content\.labels/, /./);
    await pipeline.target.query(
      "INSERT INTO ferry.cutover (pipeline, serving) SELECT pipeline, 'target' FROM ferry.mapping_version",
    );
    expectRefused(await replay(), 3, /^the new project serves/, /before the cutover only/);
    await pipeline.target.query('DELETE FROM ferry.cutover');
    await write(FIRST);
    expectRefused(await replay(), 2, /by version 1 of the mapping, which has not changed/, /ferry replay\.$/);
    expect([await config(), await topics()]).toEqual(before);
    await pipeline.untilApplied();
  });

  test('is replayed under writes, killed before and behind the target is emptied; nobody copies anything', async () => {
    const [before, file] = [await copied(), await config()];
    await write(SECOND);
    const migrations = join(pipeline.config.directory, 'target', 'migrations');
    await mkdir(migrations, { recursive: true });
    await writeFile(join(migrations, '001_second.sql'), SECOND_DDL);
    const result = await whileWriting(async () => {
      for (const place of ['version-filled', 'version-ready', 'version-begun']) {
        const dying = new FerryProcess(args(), { ...pipeline.env, FERRY_FAILPOINTS: `replay.${place}=die:0@0` });
        const { code, stderr } = await dying.ended;
        expect([code, stderr]).toEqual([null, expect.stringContaining(`${FAILPOINT_SAID} die replay.${place}`)]);
        if (place === 'version-ready') await pipeline.target.query(SPOIL);
        if (place !== 'version-filled') continue;
        expect(await read(pipeline.target, 'SELECT count(*) > 0 AS has FROM shared.users')).toEqual([{ has: 't' }]);
        // Put back, the mapping of before is gone on with by whoever starts.
        expect(await config()).toBe(file);
        await write(FIRST);
        await pipeline.transform.stop();
        pipeline.transform.start();
        await pipeline.untilApplied();
        await write(SECOND);
      }
      return replay();
    });
    expect([result.code, result.json()], result.stderr).toMatchObject([
      3,
      { ok: false, resumed: true, verified: true },
    ]);
    expect(await topics()).toEqual(expect.arrayContaining(named('domain.growth', 'domain-2.growth')));
    await pipeline.target.query('DROP TRIGGER spoil ON shared.users');
    const again = await pipeline.ferry('replay', '--yes', '--json');
    expect([again.code, again.json()], again.stderr).toMatchObject([0, { ok: true, resumed: false, verified: true }]);
    expect((await load()).mappingVersion).toBe(2);
    await expectRows(pipeline.target, EXPECTED.second, await load());
    expect(await copied()).toEqual(before);
    const domains = ['growth', 'shared', 'content'].map((schema) => `domain-2.${schema}`);
    expect(await topics()).toEqual(named('raw', ...domains));
    await pipeline.until('the ledger to add up', async () => (await pipeline.status()).ledger?.addsUp === true);
    expect(await read(pipeline.target, 'SELECT scope, outcome FROM ferry.replay ORDER BY started_at')).toEqual([
      { scope: expect.stringMatching(/"version": 2/), outcome: 'different' },
      { scope: expect.stringMatching(/"whole"/), outcome: 'equal' },
    ]);
    const verified = await pipeline.ferry('verify', '--json');
    expect([verified.code, verified.json()], verified.stderr).toMatchObject([0, { ok: true }]);
  });

  test('is replayed beside the live target, which goes on; services then go over to the other one', async () => {
    database = await freshDatabase(testServers().targetServer, 'replay_mapping');
    second = await connect('target', database.url, { applicationName: 'ferry-test' });
    await second.query(THIRD_TABLES);
    // They are of the first target alone.
    await rm(join(pipeline.config.directory, 'target'), { recursive: true });
    const live = await load();
    await write(THIRD);
    const into = { ...pipeline.env, SECOND_URL: database.url };
    const replayInto = () => runFerry(args('--target', 'SECOND_URL'), into);
    const file = await config();
    await second.query(SPOIL);
    const different = await whileWriting(async () => {
      const dying = new FerryProcess(args('--target', 'SECOND_URL'), {
        ...into,
        FERRY_FAILPOINTS: 'apply.committed=die:0@0',
      });
      expect(await dying.ended).toMatchObject({ code: null });
      return replayInto();
    });
    expect([different.code, different.json()], different.stderr).toMatchObject([3, { ok: false, resumed: true }]);
    expect(await config()).toBe(file);
    await second.query('DROP TRIGGER spoil ON shared.users');
    // Once more from the start; and again, when services may work with it and none does.
    for (const _ of ['different', 'equal']) {
      const result = await replayInto();
      const expected = [0, { ok: true, resumed: false, verified: true }];
      expect([result.code, result.json()], result.stderr).toMatchObject(expected);
      expect((await load()).mappingVersion).toBe(3);
      await change(++changes);
    }
    // Its services have the mapping of before.
    await expectRows(pipeline.target, EXPECTED.second, live);

    await pipeline.stop();
    await change(++changes);
    const apply = pipeline.process('apply');
    apply.start();
    apply.mayEnd();
    expect(await apply.ended).toMatchObject({ code: 1 });
    expect(await apply.stderrTail()).toContain('its rows by version 2 of the mapping, not by version 3');
    const target = { TARGET_URL: database.url };
    for (const service of [pipeline.capture, pipeline.transform, pipeline.apply]) service.start(target);
    const tables = [...EXPECTED.third, ...EXPECTED.second.slice(1)];
    await expectRows(second, tables, await load(database.url));
    expectRefused(await replayInto(), 3, /^transform \(.*\) works with version 3 of the mapping$/, /^Stop it; /);
    const swapped = { ...into, ...target, SECOND_URL: pipeline.config.target.url };
    const taken = await runFerry(args('--target', 'SECOND_URL'), swapped);
    expectRefused(taken, 2, /^the live target has its rows by version 3/, /without --mapping/);
  });
});
