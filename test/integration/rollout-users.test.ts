import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseQualifiedName } from '../../core/relation.js';
import { sourceObjectName } from '../../core/topics.js';
import { loadPipeline, loadWayBack } from '../../platform/load-pipeline.js';
import { percentileOf } from '../../routing/rollout.js';
import { createRouter, type Router } from '../../routing/router.js';
import { armFence } from '../../services/control/cutover/fence.js';
import { liftFence, replaceFence } from '../../services/control/cutover/fence-function.js';
import { disarm } from '../../services/control/cutover/returned.js';
import { readRollout, setRollout } from '../../services/control/rollout/rollout.js';
import { whileNobodyWrites } from '../../services/control/rollout/users/hold-writers.js';
import { drain } from '../../services/control/rollout/users/sides.js';
import { isHalfUsers } from '../../services/control/rollout/users/step-users.js';
import {
  guardPartitions,
  putUpTombstones,
  takeDownTombstones,
} from '../../services/control/rollout/users/tombstones.js';
import { beginTwoWay } from '../../services/control/rollout/users/two-way-state.js';
import { mappedTable, pauseTable, resumeTable } from '../../services/control/tables/stop-and-go.js';
import { readVerifications } from '../../services/control/verify/record.js';
import type { CliError, FerryProcess } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { NAMES } from '../support/flag-writes.js';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const USERS = 2_000;
const WRITERS = 16;
/** Of a writer, after each transaction: others have tests on these cores, too. */
const PAUSE_MS = 25;
const SIDES = ['source', 'target'] as const;
type Side = (typeof SIDES)[number];

/** Transactions of users, each where the router leads that user: it adds one to a number and leaves a row behind. */
class UserWrites {
  readonly router: Router;
  readonly accepted: { readonly user: string; readonly note: string; readonly side: Side }[] = [];
  readonly #pools: Readonly<Record<Side, pg.Pool>>;
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;
  #next = 0;
  #each = 0;

  constructor(pipeline: string, urls: Readonly<Record<Side, string>>) {
    this.router = createRouter({
      url: urls.target,
      pipeline,
      refreshMs: 100,
      maxStalenessMs: 400,
      holdMs: 100_000,
      env: {},
    });
    const pool = (side: Side) => new pg.Pool({ connectionString: urls[side], max: WRITERS });
    this.#pools = { source: pool('source'), target: pool('target') };
    this.#done = Promise.all(Array.from({ length: WRITERS }, () => this.#write()));
    this.#done.catch(() => this.#stop.abort());
  }

  /** Resolves once so many more transactions were acknowledged. */
  async more(count: number, side?: Side): Promise<void> {
    const before = this.accepted.length;
    const isOf = (one: { side: Side }) => side === undefined || one.side === side;
    await eventually(() => this.#stop.signal.aborted || this.accepted.slice(before).filter(isOf).length >= count, {
      what: `${count} more writes${side ? ` in the ${side}` : ''}`,
    });
    if (this.#stop.signal.aborted) await this.#done;
  }

  /** @throws what ended a writer before its time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done.finally(() => this.close());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done.catch(() => {});
    await Promise.all(Object.values(this.#pools).map((pool) => pool.end().catch(() => {})));
    await this.router.close();
  }

  async #write(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const n = this.#next++;
      // Some users write much, most of them now and then.
      const user = `user-${n % 7 === 0 ? n % 20 : (this.#each++ * 7_919) % USERS}`;
      const note = `${user} ${n}`;
      const side = await this.router.run((at) => this.#transaction(at, user, note), { userId: user });
      this.accepted.push({ user, note, side });
      await sleep(PAUSE_MS);
    }
  }

  async #transaction(side: Side, user: string, note: string): Promise<Side> {
    const client = await this.#pools[side].connect();
    try {
      await client.query('BEGIN');
      await writeOne(client, side, user, note);
      await client.query('COMMIT');
      return side;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}

async function writeOne(client: pg.ClientBase, side: Side, user: string, note: string): Promise<void> {
  const { orders, settings } = NAMES[side];
  await client.query(
    `INSERT INTO ${settings} (key, value) VALUES ($1, '{"n": 1}')
     ON CONFLICT (key) DO UPDATE SET value = jsonb_build_object('n', (settings.value ->> 'n')::int + 1)`,
    [user],
  );
  await client.query(`INSERT INTO ${orders} (user_id, note) VALUES (1, $1)`, [note]);
}

/** One pipeline, whose tests go through a rollout of users in order. */
describeWithPostgres('a rollout of users', () => {
  let pair: MovingPair;
  let writes: UserWrites | undefined;
  let up: FerryProcess;
  let upBack: FerryProcess;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    up = await pair.up();
  });

  afterAll(async () => {
    await writes?.close();
    await pair?.close();
  });

  const PATIENT = ['--max-lag', '1m', '--routers-within', '500ms', '--json'];

  async function rollout(...args: string[]) {
    const result = await pair.run('rollout', ...args, ...PATIENT);
    expect(result.code, result.stdout + result.stderr).toBe(0);
    return result.json();
  }

  async function rowsOf(side: Side): Promise<Record<string, string[]>> {
    const all: Record<string, string[]> = {};
    for (const [table, name] of Object.entries(NAMES[side])) {
      const { rows } = await pair[side].query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
      all[table] = rows.map(({ row }) => row);
    }
    return all;
  }

  /** Nobody writes: what is on its way arrives. */
  async function expectEqual(): Promise<void> {
    const areEqual = async () => isDeepStrictEqual(await rowsOf('target'), await rowsOf('source'));
    await eventually(areEqual, { what: 'both projects to have the same rows' });
  }

  async function bothWays() {
    const forward = await loadPipeline(pair.config, pair.env);
    return { forward, back: (await loadWayBack(forward, pair.env))! };
  }

  /** A command dies at a place, and leaves the mode half entered or half left. */
  async function dies(place: string, ...args: string[]): Promise<void> {
    const dying = pair.startWith({ FERRY_FAILPOINTS: `${place}=die:0@0` }, 'rollout', ...args, ...PATIENT);
    expect((await dying.ended).code).toBe(null);
    const { forward: pipeline } = await bothWays();
    expect(await isHalfUsers({ target: pair.target, pipeline }, await readRollout(pair.target, pair.name))).toBe(true);
  }

  /** A command loses its sessions at a place, and takes back on others what it has begun. */
  async function losesSessions(place: string, of: readonly Side[], ...args: string[]): Promise<void> {
    const losing = pair.startWith({ FERRY_FAILPOINTS: `${place}=pause:3000@0` }, 'rollout', ...args, ...PATIENT);
    await losing.said(new RegExp(`pause ${place}`));
    for (const side of of) {
      await pair[side].query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'ferry rollout'`);
    }
    const { code, json, stderr } = await losing.ended;
    expect([code, json<CliError>().error.code], stderr).toEqual([1, 'connection-lost']);
    expect(json<CliError>().error.message).not.toContain('taken back');
  }

  async function expectNothingLeft(): Promise<void> {
    for (const side of SIDES) {
      const { rows } = await pair[
        side
      ].query(`SELECT tgname AS name FROM pg_trigger WHERE tgname ~ '_(deleted|rekeyed|emptied)$'
        UNION ALL SELECT pipeline FROM ferry.two_way UNION ALL SELECT pipeline FROM ferry.applied_xid
        UNION ALL SELECT pipeline FROM ferry.tombstone`);
      expect(rows).toEqual([]);
    }
  }

  /** Where the commit that ends the mode has come, and its answer has not, the new project takes no writes any more. */
  async function expectFlagDecides(): Promise<void> {
    const { forward: pipeline, back } = await bothWays();
    const sessions = { source: await openClient('source'), target: await openClient('target') };
    const users = await readRollout(pair.target, pair.name);
    const work = async () => {
      const fence = { pipeline: back.name, run: 'rollout', attempt: 'rollout' };
      await replaceFence(sessions.target, fence, { state: 'closed', when: () => true });
      await setRollout(sessions.target, { pipeline: pair.name, seen: users, mode: 'reads' });
      throw new Error('the answer is lost');
    };
    const { signal } = new AbortController();
    const anew = () => Promise.reject(new Error('not wanted'));
    const sides = {
      pipeline,
      back: { pipeline: back, log: undefined as never },
      ...sessions,
      signal,
      onStep: () => {},
      anew,
    };
    await expect(whileNobodyWrites(sides, work)).rejects.toThrow('the answer is lost');
    expect([await isRefused('source'), await isRefused('target')]).toEqual([false, true]);
    await setRollout(pair.target, { pipeline: pair.name, seen: { ...users, mode: 'reads' }, mode: 'users' });
    for (const side of SIDES) await sessions[side].end();
  }

  const isRefused = (side: Side) =>
    pair[side].query(`UPDATE ${NAMES[side].settings} SET value = value WHERE false`).then(
      () => false,
      ({ message }: Error) => message.includes('are refused'),
    );

  /** Everything that is committed now has come to its other side. */
  async function drainBoth(): Promise<void> {
    const { source, target } = pair;
    const { forward, back } = await bothWays();
    const signal = AbortSignal.timeout(60_000);
    await drain(forward, { from: source, to: target, signal });
    await drain(back, { from: target, to: source, signal });
  }

  async function conflicts(side: Side): Promise<Record<string, unknown>[]> {
    const { rows } = await pair[side].query(
      'SELECT table_name, key, op, why, lost, kept FROM ferry.conflict ORDER BY key',
    );
    return rows.map(({ lost, kept, ...row }) => ({ ...row, lost: JSON.parse(lost), kept: JSON.parse(kept) }));
  }

  test('is refused without a way back, and changes nothing', async () => {
    const verified = await pair.run('verify', '--json');
    expect(verified.code, verified.stderr).toBe(0);
    const refused = await pair.run('rollout', '--mode', 'users', '--percent', '10', ...PATIENT);
    expect(refused.code).toBe(3);
    expect(refused.json<CliError>().error.message).toBe('not ready for 10 %: there is no way back');
    const shown = await pair.run('rollout', '--json');
    expect(shown.json()).toEqual({ ok: true, serving: 'source', percent: 0, mode: 'reads' });
    const { rows } = await pair.target.query("SELECT FROM pg_trigger WHERE tgname LIKE '%deleted'");
    expect(rows).toEqual([]);
    expect((await pair.source.query("SELECT FROM pg_namespace WHERE nspname = 'ferry'")).rows).toEqual([]);
  });

  test('begins with nobody, and both directions open', async () => {
    await pair.configureBack();
    upBack = await pair.upBack();
    // As after a rollback.
    const fence = { pipeline: `${pair.name}-back`, run: 'before', attempt: 'before' };
    const tables = Object.values(NAMES.target).map((name) => parseQualifiedName(name)!);
    await armFence(pair.target, fence, tables, AbortSignal.timeout(10_000));
    await replaceFence(pair.target, fence, { state: 'closed', when: () => true });
    await dies('rollout.enter.armed', '--mode', 'users');
    expect(await rollout('--mode', 'reads')).toMatchObject({ mode: 'reads', percent: 0 });
    await expectNothingLeft();
    await dies('rollout.enter.begun', '--mode', 'users');
    const left = await pair.run('rollout', '--json');
    expect([left.code, left.stdout]).toEqual([3, expect.stringContaining('half entered')]);
    for (const of of [SIDES, ['source'] as const]) {
      await losesSessions('rollout.enter.begun', of, '--mode', 'users');
      await expectNothingLeft();
    }
    const entered = await rollout('--mode', 'users');
    expect(entered).toMatchObject({ mode: 'users', percent: 0, conflicts: { old: 0, new: 0 } });
    await pair.target.query('UPDATE growth.settings SET value = \'{"by": "new"}\' WHERE key = \'setting 20\'');
    await pair.source.query('UPDATE public.settings SET value = \'{"by": "old"}\' WHERE key = \'setting 21\'');
    await pair.target.query("DELETE FROM growth.settings WHERE key = 'setting 22'");
    await pair.source.query("UPDATE public.settings SET key = 'setting 23 b' WHERE key = 'setting 23'");
    await pair.target.query("INSERT INTO growth.orders (user_id, note) VALUES (1, 'of the new project')");
    await pair.source.query("INSERT INTO public.orders (user_id, note) VALUES (1, 'of the old project')");
    // So many that they are staged.
    await pair.target.query("UPDATE growth.orders SET total = total + 1, note = note || ' again' WHERE id <= 900");
    await pair.source.query(
      "INSERT INTO public.orders (user_id, note) SELECT 1, 'bulk ' || n FROM generate_series(1, 500) n",
    );
    await expectEqual();
    const { rows: settled } = await pair.source.query(
      "SELECT value ->> 'by' AS by FROM public.settings WHERE key IN ('setting 20', 'setting 21', 'setting 22') ORDER BY key",
    );
    expect(settled).toEqual([{ by: 'new' }, { by: 'old' }]);
    const { rows: bulk } = await pair.target.query(
      `SELECT count(*) FILTER (WHERE note LIKE 'bulk%') AS bulk, count(*) FILTER (WHERE note LIKE '%again') AS again
         FROM growth.orders`,
    );
    expect(bulk).toEqual([{ bulk: '500', again: '900' }]);
    // Each change was carried once, and nothing goes round: an echo would leave equal rows, too.
    await drainBoth();
    const appliedIn = async (side: Side) =>
      (await pair[side].query("SELECT applied FROM ferry.ledger WHERE source_table LIKE '%.orders'")).rows;
    expect([await appliedIn('target'), await appliedIn('source')]).toEqual([
      [{ applied: String(900 + 1 + 500) }],
      [{ applied: String(1 + 900) }],
    ]);
    const { rows } = await pair.source.query(
      "SELECT note, id > 900000000 AS far FROM public.orders WHERE note LIKE 'of the%' ORDER BY note",
    );
    expect(rows).toEqual([
      { note: 'of the new project', far: 't' },
      { note: 'of the old project', far: 'f' },
    ]);
    expect([await conflicts('source'), await conflicts('target')]).toEqual([[], []]);
  });

  test('of writes on both sides the later commit stands on both, and the other is in ferry.conflict', async () => {
    const write = (side: Side, sql: (settings: string) => string) => pair[side].query(sql(NAMES[side].settings));
    const put = (key: string, by: string) => (settings: string) =>
      `INSERT INTO ${settings} VALUES ('${key}', '{"by": "${by}"}') ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
    const remove = (key: string) => (settings: string) => `DELETE FROM ${settings} WHERE key = '${key}'`;
    // Neither apply commits anything meanwhile.
    const held = await Promise.all(SIDES.map(openClient));
    for (const client of held) await client.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
    try {
      await write('source', put('setting 1', 'old'));
      await write('target', put('setting 1', 'new'));
      await write('target', put('setting 2', 'new'));
      await write('source', put('setting 2', 'old'));
      await write('source', remove('setting 3'));
      await write('target', put('setting 3', 'new'));
      await write('source', put('setting 4', 'old'));
      await write('target', remove('setting 4'));
      await write('target', put('both', 'new'));
      await write('source', put('both', 'old'));
    } finally {
      for (const client of held) {
        await client.query('COMMIT');
        await client.end();
      }
    }
    const left = async (side: Side) =>
      (
        await pair[side].query(`SELECT key, value ->> 'by' AS by FROM ${NAMES[side].settings}
          WHERE key IN ('setting 1', 'setting 2', 'setting 3', 'setting 4', 'both') ORDER BY key`)
      ).rows;
    const expected = [
      { key: 'both', by: 'old' },
      { key: 'setting 1', by: 'new' },
      { key: 'setting 2', by: 'old' },
      { key: 'setting 3', by: 'new' },
    ];
    for (const side of SIDES) {
      await eventually(async () => isDeepStrictEqual(await left(side), expected), { what: `the later in the ${side}` });
    }
    // What lost last changed no row.
    await drainBoth();
    await expectEqual();
    const of = (table: string, key: string, more: object) => ({
      table_name: table,
      key: `{"${key}"}`,
      why: 'later',
      ...more,
    });
    expect(await conflicts('target')).toMatchObject([
      of('growth.settings', 'setting 1', {
        op: 'upsert',
        lost: { value: '{"by": "old"}' },
        kept: { value: { by: 'new' } },
      }),
      of('growth.settings', 'setting 3', { op: 'delete', kept: { value: { by: 'new' } } }),
      of('growth.settings', 'setting 4', { op: 'upsert', lost: { value: '{"by": "old"}' }, kept: null }),
    ]);
    expect(await conflicts('source')).toMatchObject([
      { ...of('public.settings', '', { op: 'upsert', kept: { value: { by: 'old' } } }), key: '{both}' },
      of('public.settings', 'setting 2', { op: 'upsert', lost: { value: '{"by": "new"}' } }),
    ]);
    expect(await rollout()).toMatchObject({ conflicts: { old: 2, new: 3 } });
  });

  test('a change of the percent whose sessions are lost is taken back', async () => {
    await losesSessions('rollout.move.settled', SIDES, '--percent', '10');
    expect(await rollout()).toMatchObject({ mode: 'users', percent: 0 });
    expect(await rollout()).not.toHaveProperty('moving');
  });

  test('a TRUNCATE, a cutover, a replay and a change of the tables are refused meanwhile', async () => {
    for (const side of SIDES) {
      await expect(pair[side].query(`TRUNCATE ${NAMES[side].settings}`)).rejects.toThrow(
        /schemaferry: TRUNCATE of .*settings is refused/,
      );
    }
    for (const [command, ...args] of [
      ['cutover'],
      ['table', 'resnapshot', 'public.settings', '--yes'],
      ['table', 'add', 'public.settings'],
      ['table', 'remove', 'public.settings', '--yes'],
    ]) {
      const refused = await pair.runPlain(command!, ...args, '-c', pair.config, '--json');
      expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('mode users')]);
    }
    const { back } = await bothWays();
    const points = async () => (await pair.source.query('SELECT epoch FROM ferry.checkpoint')).rows;
    expect(await points()).toHaveLength(1);
    await expect(disarm({ source: pair.target, target: pair.source }, back)).rejects.toMatchObject({
      remedy: expect.stringContaining('--abandon back'),
    });
    expect(await points()).toHaveLength(1);
  });

  test('a TRUNCATE of a partition is refused, too, and no trigger is left on a table that is not mapped any more', async () => {
    await pair.source.query(`CREATE SCHEMA aside; CREATE TABLE aside.days (day int PRIMARY KEY) PARTITION BY RANGE (day);
      CREATE TABLE aside.days_1 PARTITION OF aside.days FOR VALUES FROM (1) TO (10)`);
    const signal = AbortSignal.timeout(10_000);
    const place = { client: pair.source, side: 'source', pipeline: 'aside', signal } as const;
    await putUpTombstones(place, [{ schema: 'aside', table: 'days', key: ['day'] }]);
    await expect(pair.source.query('TRUNCATE aside.days_1')).rejects.toThrow('TRUNCATE of aside.days_1 is refused');
    await pair.source.query('CREATE TABLE aside.days_2 PARTITION OF aside.days FOR VALUES FROM (10) TO (20)');
    await pair.source.query('CREATE TABLE aside.days_3 (day int PRIMARY KEY)');
    await pair.source.query('ALTER TABLE aside.days ATTACH PARTITION aside.days_3 FOR VALUES FROM (20) TO (30)');
    await pair.source.query('TRUNCATE aside.days_2, aside.days_3');
    await guardPartitions(place);
    for (const late of ['aside.days_2', 'aside.days_3']) {
      await expect(pair.source.query(`TRUNCATE ${late}`)).rejects.toThrow(`TRUNCATE of ${late} is refused`);
    }
    await pair.source.query('INSERT INTO aside.days VALUES (2); DELETE FROM aside.days');
    const { rows } = await pair.source.query(
      "DELETE FROM ferry.tombstone WHERE pipeline = 'aside' RETURNING table_name, key",
    );
    expect(rows).toEqual([{ table_name: '"aside"."days"', key: '{2}' }]);
    await takeDownTombstones(place);
    await pair.source.query('TRUNCATE aside.days_1, aside.days_2, aside.days_3; DROP SCHEMA aside CASCADE');
  });

  test('control arms the partitions that come meanwhile, on both sides', async () => {
    const { back, forward } = await bothWays();
    for (const [side, { name: pipeline }] of [
      ['source', back],
      ['target', forward],
    ] as const) {
      const client = pair[side];
      await client.query('CREATE SCHEMA aside; CREATE TABLE aside.days (day int PRIMARY KEY) PARTITION BY RANGE (day)');
      const place = { client, side, pipeline, signal: AbortSignal.timeout(10_000) };
      await putUpTombstones(place, [{ schema: 'aside', table: 'days', key: ['day'] }]);
      await client.query('CREATE TABLE aside.late PARTITION OF aside.days DEFAULT');
      const isRefused = () =>
        client.query('TRUNCATE aside.late').then(
          () => false,
          () => true,
        );
      await eventually(isRefused, { what: `a TRUNCATE in the ${side} to be refused` });
      await client.query('DROP SCHEMA aside CASCADE');
    }
  });

  /** Takes users back while a transaction of one is open where they leave, and then while what it wrote is on its way. */
  async function expectPatience(writes: UserWrites): Promise<void> {
    const user = 'user-1';
    const [open, held] = await Promise.all([openClient('target'), openClient('source')]);
    const standing = async () =>
      (await pair.target.query('SELECT rollout_percent AS percent, rollout_to AS to FROM ferry.cutover')).rows;
    const moving = [{ percent: '100', to: '10' }];
    try {
      expect(percentileOf(user)).toBeGreaterThan(10);
      await open.query('BEGIN');
      await writeOne(open, 'target', user, 'user-1 patience');
      const taking = pair.start('rollout', '--percent', '10', ...PATIENT);
      await eventually(async () => isDeepStrictEqual(await standing(), moving), {
        what: 'the users to be on their way',
      });
      // Longer than it waits for routers.
      await sleep(2_500);
      expect(await standing()).toEqual(moving);
      await held.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
      await open.query('COMMIT');
      writes.accepted.push({ user, note: 'user-1 patience', side: 'target' });
      await sleep(500);
      expect(await standing()).toEqual(moving);
      await held.query('COMMIT');
      const { json, stderr } = await taking.ended;
      expect(json()).toMatchObject({ ok: true, percent: 10 });
      expect(stderr).toMatch(
        /^the users between 100 % and 10 % wait: for routers .*\n.* wait: for transactions that were open/m,
      );
    } finally {
      await Promise.all([open.end(), held.end()]);
    }
  }

  async function openClient(side: Side): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: pair.databases[side].url });
    await client.connect();
    return client;
  }

  test('goes no further up when the old project comes near to the numbers of the new one', async () => {
    const { rows } = await pair.target.query<{ sequences: string }>('SELECT sequences FROM ferry.two_way');
    const set = (sequences: readonly object[]) =>
      pair.target.query('UPDATE ferry.two_way SET sequences = $1', [JSON.stringify(sequences)]);
    const far = JSON.parse(rows[0]!.sequences) as { source: string; from: string }[];
    await set(far.map((one) => (one.source.includes('orders') ? { ...one, from: '10000' } : one)));
    const refused = await pair.run('rollout', '--percent', '10', ...PATIENT);
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('too few numbers are left')]);
    expect(refused.stdout).not.toContain('users_id_seq');
    await set(far);
  });

  test('goes up and down without a lost write, killed on the way too', async () => {
    const before = { old: 2, new: 3 };
    const { source, target } = pair.databases;
    writes = new UserWrites(pair.name, { source: source.url, target: target.url });
    await writes.more(100, 'source');
    const sidesSince = (start: number) => new Set(writes!.accepted.slice(start).map(({ side }) => side));
    expect(await rollout('--percent', '10')).toMatchObject({ percent: 10, before: 0, conflicts: before });
    await writes.more(20, 'target');

    const dying = pair.startWith(
      { FERRY_FAILPOINTS: 'rollout.move.settled=die:0@0' },
      'rollout',
      '--percent',
      '50',
      ...PATIENT,
    );
    expect((await dying.ended).code).toBe(null);
    expect(await rollout()).toMatchObject({ percent: 10, moving: { to: 50 } });
    const other = await pair.run('rollout', '--percent', '30', ...PATIENT);
    expect([other.code, other.stdout]).toEqual([
      3,
      expect.stringContaining('from 10 % to 50 % was left in the middle'),
    ]);
    expect(await rollout('--percent', '50')).toMatchObject({ percent: 50 });
    await writes.more(100);
    const verified = await pair.run('verify', '--json');
    expect(verified.json(), verified.stderr).toMatchObject({ ok: true });
    for (const service of ['capture', 'apply'] as const) process.kill(await pair.pidOf(service), 'SIGKILL');
    await writes.more(100);

    // Refused while what was killed starts.
    await eventually(() => rollout('--percent', '100'), { what: 'the step to 100 %', timeoutMs: 60_000 });
    const early = await pair.run('rollout', '--mode', 'reads', ...PATIENT);
    expect([early.code, early.stdout]).toEqual([3, expect.stringContaining('100 % of the users write in the new')]);
    let start = writes.accepted.length;
    await writes.more(200);
    expect(sidesSince(start + WRITERS)).toEqual(new Set(['target']));
    await expectPatience(writes);
    expect(await rollout()).toMatchObject({ percent: 10 });
    start = writes.accepted.length;
    await writes.more(200);
    expect(sidesSince(start + WRITERS)).toEqual(new Set(SIDES));
    expect(await rollout('--percent', '0')).toMatchObject({ percent: 0 });
    start = writes.accepted.length;
    await writes.more(100);
    expect(sidesSince(start + WRITERS)).toEqual(new Set(['source']));
    const users = () => new Set(writes!.accepted.map(({ user }) => user)).size;
    await eventually(() => users() === USERS, { what: 'every user to have written', timeoutMs: 60_000 });
    await writes.stop();

    await expectEqual();
    const counts = new Map<string, number>();
    for (const { user } of writes.accepted) counts.set(user, (counts.get(user) ?? 0) + 1);
    for (const side of SIDES) {
      const { orders, settings } = NAMES[side];
      const { rows: notes } = await pair[side].query<{ note: string }>(
        `SELECT note FROM ${orders} WHERE note LIKE 'user-%'`,
      );
      expect(new Set(notes.map(({ note }) => note))).toEqual(new Set(writes.accepted.map(({ note }) => note)));
      const { rows } = await pair[side].query<{ key: string; n: string }>(
        `SELECT key, value ->> 'n' AS n FROM ${settings} WHERE key LIKE 'user-%'`,
      );
      expect(new Map(rows.map(({ key, n }) => [key, Number(n)]))).toEqual(counts);
    }
    expect(counts.size).toBe(USERS);
    // A user has one writer at a time: nothing had to be given up.
    expect(await rollout()).toMatchObject({ conflicts: before });
  });

  test('is not left while a table of the way back stands, whose changes the checkpoint has passed', async () => {
    const { back } = await bothWays();
    const orders = mappedTable(back, 'growth.orders');
    await pauseTable(pair.source, back, orders);
    await expect(drainBoth()).rejects.toThrow(`the pipeline ${back.name}: growth.orders is paused`);
    const refused = await pair.run('rollout', '--mode', 'reads', ...PATIENT);
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('growth.orders is paused')]);
    expect(await rollout()).toMatchObject({ mode: 'users' });
    await resumeTable(pair.source, back, orders);
    await eventually(() => drainBoth().then(() => true), { what: 'the table to run again' });
  });

  test('is left, and then the new project takes nothing back to the old one again', async () => {
    const verified = await pair.run('verify', '--json');
    expect(verified.json(), verified.stderr).toMatchObject({ ok: true });
    await dies('rollout.leave.begun', '--mode', 'reads');
    await dies('rollout.leave.disarmed', '--mode', 'reads');
    expect(await rollout('--mode', 'reads')).toEqual(expect.objectContaining({ mode: 'reads', percent: 0 }));
    await expectNothingLeft();
    // The fence stands again.
    await expect(pair.target.query('DELETE FROM growth.settings')).rejects.toThrow(
      'writes to growth.settings are refused',
    );
    await liftFence(pair.target, { pipeline: `${pair.name}-back`, run: 'before' });
    await pair.target.query("UPDATE growth.settings SET value = '{}' WHERE key = 'setting 40'");
    await pair.source.query("UPDATE public.settings SET value = '{\"n\": 0}' WHERE key = 'setting 41'");
    const valueIn = async (side: Side, key: string) =>
      (await pair[side].query(`SELECT value FROM ${NAMES[side].settings} WHERE key = $1`, [key])).rows[0].value;
    await eventually(async () => (await valueIn('target', 'setting 41')) === '{"n": 0}', {
      what: 'the old project’s change',
    });
    await drainBoth();
    expect(await valueIn('source', 'setting 40')).toBe('{"n": 40}');
    const replay = await pair.run('replay', '--yes', '--json');
    expect([replay.code, replay.stdout]).toEqual([3, expect.stringContaining('users wrote in both projects')]);
  });

  /** As a server does that runs out of room, or somebody who cleans up. */
  async function loseSlot(side: Side, config: string, up: FerryProcess): Promise<string> {
    await up.stop();
    const slot = sourceObjectName((await loadPipeline(config, pair.env)).name);
    await pair[side].query('SELECT pg_drop_replication_slot($1)', [slot]);
    return slot;
  }

  test('is left without a way back whose slot is lost: what did not come is put down, and can be seen', async () => {
    // Of the time in between.
    await pair.target.query("UPDATE growth.settings SET value = '{\"n\": 40}' WHERE key = 'setting 40'");
    await rollout('--mode', 'users', '--percent', '100');
    const { back } = await bothWays();
    const slot = await loseSlot('target', pair.back, upBack);
    await pair.target.query('UPDATE growth.settings SET value = \'{"by": "nobody"}\' WHERE key = \'setting 45\'');
    await pair.target.query("DELETE FROM growth.settings WHERE key = 'setting 46'");
    await pair.target.query("INSERT INTO growth.orders (user_id, note) VALUES (1, 'lost')");
    // Late, not lost.
    await pair.source.query('UPDATE public.settings SET value = \'{"by": "old"}\' WHERE key = \'setting 47\'');

    const stuck = await pair.run('rollout', '--mode', 'reads', '--percent', '0', ...PATIENT);
    expect(stuck.code).toBe(3);
    expect(stuck.json<CliError>().error).toMatchObject({
      message: `the pipeline ${back.name} cannot go on: its replication slot ${slot} is lost`,
      remedy: expect.stringContaining('--mode reads --percent 0 --abandon back'),
    });
    const abandon = ['--mode', 'reads', '--percent', '0', '--abandon', 'back', '--reason', 'INC-7'];
    const held = await openClient('target');
    await held.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
    const stopped = pair.start('rollout', ...abandon, ...PATIENT);
    for (const side of SIDES) await eventually(() => isRefused(side), { what: `writes in the ${side} to be refused` });
    stopped.signal('SIGINT');
    expect((await stopped.ended).stdout).toContain('the rollout was interrupted');
    expect([await isRefused('source'), await isRefused('target')]).toEqual([false, false]);
    expect(await readRollout(pair.target, pair.name)).toMatchObject({ mode: 'users', percent: 100, to: null });
    await held.query('COMMIT');
    await held.end();

    await expectFlagDecides();

    await dies('rollout.leave.begun', ...abandon);
    // Nobody is held up by a command that is gone.
    await pair.source.query("UPDATE public.settings SET value = '{}' WHERE key = 'setting 48'");
    expect(await rollout(...abandon)).toMatchObject({
      mode: 'reads',
      percent: 0,
      lost: [
        { table: 'public.orders', rows: 1, first: [{ op: 'upsert' }] },
        {
          table: 'public.settings',
          rows: 2,
          first: [
            { key: ['setting 45'], op: 'upsert' },
            { key: ['setting 46'], op: 'delete' },
          ],
        },
      ],
    });
    await expectNothingLeft();
    const put = (await conflicts('source')).filter(({ why }) => why === 'abandoned');
    expect(put).toMatchObject([
      { table_name: 'public.orders', op: 'upsert', lost: { note: 'lost', user_id: 1 }, kept: null },
      { op: 'upsert', lost: { value: { by: 'nobody' } }, kept: { value: { n: 45 } } },
      { op: 'delete', lost: { key: 'setting 46' }, kept: { key: 'setting 46', value: { n: 46 } } },
    ]);
    await expect(pair.target.query('DELETE FROM growth.settings')).rejects.toThrow(
      'writes to growth.settings are refused',
    );
    const { rows: acts } = await pair.target.query(
      "SELECT detail ->> 'reason' AS reason, detail -> 'rows' AS rows FROM ferry.act WHERE subject = 'abandon'",
    );
    expect(acts).toEqual([{ reason: 'INC-7', rows: '{"public.orders": 1, "public.settings": 2}' }]);
    // What was equal before need not be now.
    expect(await readVerifications(pair.target, (await bothWays()).forward)).toEqual([]);
    const repaired = await pair.run('verify', '--repair', '--json');
    expect(repaired.json(), repaired.stderr).toMatchObject({ ok: true });
    await expectEqual();
    const { rows } = await pair.target.query(
      "SELECT value ->> 'by' AS by FROM growth.settings WHERE key = 'setting 47'",
    );
    expect(rows).toEqual([{ by: 'old' }]);
  });

  test('is left without the direction to the new project, which is copied anew then', async () => {
    await pair.upBack();
    const { forward } = await bothWays();
    // Half entered is enough.
    await beginTwoWay(pair.target, forward);
    await loseSlot('source', pair.config, up);
    const stuck = await pair.run('rollout', '--mode', 'reads', ...PATIENT);
    expect([stuck.code, stuck.stdout]).toEqual([3, expect.stringContaining('--abandon forward')]);
    await rollout('--mode', 'reads', '--abandon', 'forward', '--reason', 'INC-8');
    await expectNothingLeft();
    const resync = await pair.run('resync', '--yes', '--json');
    expect(resync.code, resync.stdout + resync.stderr).toBe(0);
  });

  test('given up, leaves nothing of either direction in the old project, and its conflicts in the new one', async () => {
    await pair.stopAll();
    const found = await conflicts('source');
    expect(found.length).toBeGreaterThan(0);
    await pair.target.query('UPDATE ferry.cutover SET rollout_percent = 10');
    const refused = await pair.run('finish', '--give-up', '--yes', '--json');
    expect([refused.code, refused.stdout]).toEqual([3, expect.stringContaining('10 % of the users read from the new')]);
    await pair.target.query('UPDATE ferry.cutover SET rollout_percent = 0');
    const tooEarly = await pair.run('finish', '--yes', '--json');
    expect([tooEarly.code, tooEarly.stdout]).toEqual([3, expect.stringContaining('ferry finish --give-up')]);
    const given = await pair.run('finish', '--give-up', '--yes', '--json');
    expect(given.json(), given.stderr).toMatchObject({ ok: true, cutOverAt: null });
    for (const side of SIDES) {
      const { rows } = await pair[side].query(`SELECT slot_name FROM pg_replication_slots
        WHERE database = current_database() UNION SELECT pubname FROM pg_publication
        UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal`);
      expect(rows, side).toEqual([]);
    }
    expect((await pair.source.query("SELECT FROM pg_namespace WHERE nspname = 'ferry'")).rows).toEqual([]);
    const { rows: kept } = await pair.target.query('SELECT FROM ferry.conflict WHERE pipeline = $1', [
      `${pair.name}-back`,
    ]);
    expect(kept).toHaveLength(found.length);
    await pair.source.query("UPDATE public.settings SET value = '{}' WHERE key = 'setting 1'");
    const { rows: acts } = await pair.target.query(
      "SELECT detail ->> 'givenUp' AS given FROM ferry.act WHERE act = 'finish'",
    );
    expect(acts).toEqual([{ given: 'true' }]);
  });
});
