import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { percentileOf } from '../../routing/rollout.js';
import { createRouter } from '../../routing/router.js';
import type { CompareReadsReport } from '../../services/control/compare-reads/compare-reads.js';
import { Journal } from '../../services/control/cutover/journal.js';
import { DEFAULT_SETTINGS } from '../../services/control/cutover/settings.js';
import { readActs } from '../../services/control/history/acts.js';
import { beginReplay, giveUpReplay } from '../../services/control/replay/journal.js';
import { resetTables, resetTarget } from '../../services/control/replay/reset.js';
import { readRollout, setRollout } from '../../services/control/rollout/rollout.js';
import { stepRollout } from '../../services/control/rollout/step.js';
import type { CliError, CliResult } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { describeWithPostgres } from '../support/servers.js';

const USERS = Array.from({ length: 200 }, (_, i) => `user-${i + 1}`);

/** One pipeline, whose tests go through a rollout in order: refused, verified, up, compared, down. */
describeWithPostgres('a rollout of reads', () => {
  let pipeline: Pipeline;

  beforeAll(async () => {
    pipeline = await startPipeline({
      driver: 'embedded',
      schemaSql: 'CREATE TABLE public.users (id text PRIMARY KEY, visits int NOT NULL DEFAULT 0)',
      sourceSql: "INSERT INTO public.users SELECT 'user-' || n, n % 7 FROM generate_series(1, 200) n",
      tables: { shared: { users: 'public.users' } },
      // A comparison waits for the next one whenever answers differ.
      capture: { heartbeatIntervalMs: 200 },
    });
  });

  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const rollout = (...args: string[]) => pipeline.ferry('rollout', '--json', ...args);
  /** The same in this process: a command costs more than what it does. */
  const step = (percent: number, more: { maxLagSeconds?: number } = {}) =>
    stepRollout(
      { pipeline: pipeline.config, target: pipeline.target, readStatus: () => pipeline.status() },
      { percent, maxLagSeconds: 60, verifiedWithinMs: 3_600_000, ...more },
    );

  /** Services report each second, and lag comes and goes: what stands against a step now may not a moment later. */
  const stepWhenReady = (percent: number) => eventually(() => step(percent), { what: `the step to ${percent} %` });

  async function compare(queries: object, { asJson = true } = {}): Promise<CliResult> {
    const file = join(pipeline.config.directory, 'reads.yaml');
    await writeFile(file, JSON.stringify({ queries }));
    return pipeline.ferry('compare-reads', ...(asJson ? ['--json'] : []), '--queries', file, '--samples', '20');
  }

  const VISITS = {
    source: 'SELECT visits FROM public.users WHERE id = $1',
    target: 'SELECT visits FROM shared.users WHERE id = $1',
    parameters: 'SELECT id FROM public.users ORDER BY id',
  };

  test('is refused before every table was verified, and stays at zero', async () => {
    const refused = await rollout('--percent', '10');
    expect(refused.code, refused.stderr).toBe(3);
    expect(refused.json<CliError>().error).toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('shared.users has not been verified'),
      remedy: expect.stringContaining('ferry verify'),
    });
    const shown = await rollout();
    expect([shown.code, shown.json()]).toEqual([0, { ok: true, serving: 'source', percent: 0, mode: 'reads' }]);
  });

  test('of users and their writes is refused without a way back', async () => {
    const refused = await rollout('--percent', '10', '--mode', 'users');
    expect(refused.code).toBe(3);
    expect(refused.json<CliError>().error).toMatchObject({
      message: expect.stringContaining('there is no way back'),
      remedy: expect.stringContaining('ferry way-back'),
    });
  });

  test('answers that are equal are compared, with their times', async () => {
    const count = { source: 'SELECT count(*) FROM public.users', target: 'SELECT count(*) FROM shared.users' };
    const result = await compare({ 'visits of a user': VISITS, 'all users': count });
    expect(result.code, result.stderr).toBe(0);
    const { ok, queries } = result.json<CompareReadsReport>();
    expect(ok).toBe(true);
    expect(queries).toMatchObject([
      { name: 'visits of a user', samples: 20, equal: 20, late: 0, different: 0, unsettled: 0, differences: [] },
      { name: 'all users', samples: 1, equal: 1 },
    ]);
    for (const { source, target } of queries) {
      for (const latency of [source!, target!]) {
        expect(latency.p50Ms).toBeGreaterThan(0);
        expect(latency.p95Ms).toBeGreaterThanOrEqual(latency.p50Ms);
      }
    }
  });

  test('goes up once verified; readers are spread by it, read what was written, and writes stay', async () => {
    const verified = await pipeline.ferry('verify', '--json');
    expect(verified.code, verified.stderr).toBe(0);
    const source = new pg.Pool({ connectionString: pipeline.config.source.url, max: 4 });
    const target = new pg.Pool({ connectionString: pipeline.config.target.url, max: 4 });
    // Nothing but a notification tells it of a step.
    const router = createRouter({
      url: pipeline.config.target.url,
      pipeline: pipeline.config.name,
      refreshMs: 600_000,
      maxStalenessMs: 600_000,
      env: {},
    });
    try {
      const pools = router.pools({ source, target });
      const names = { source: databaseOf(pipeline.config.source.url), target: databaseOf(pipeline.config.target.url) };
      const tableOf = (pool: pg.Pool) => (pool === target ? 'shared.users' : 'public.users');
      await router.serving();
      let visits = 100;
      for (const percent of [30, 100, 30, 0]) {
        const changed = new Promise((resolve) => router.onChange(resolve));
        await stepWhenReady(percent);
        await changed;
        visits += 1;
        const written = await Promise.all(
          USERS.map(async (user) => {
            const pool = await pools.writes(user);
            const { rows } = await pool.query(
              `UPDATE ${tableOf(pool)} SET visits = $2 WHERE id = $1 RETURNING current_database() AS name`,
              [user, visits],
            );
            return rows[0].name;
          }),
        );
        expect(written).toEqual(USERS.map(() => names.source));
        await pipeline.untilApplied();
        const reads = await Promise.all(
          USERS.map(async (user) => {
            const pool = await pools.reads(user);
            const { rows } = await pool.query(
              `SELECT current_database() AS name, visits FROM ${tableOf(pool)} WHERE id = $1`,
              [user],
            );
            return rows[0];
          }),
        );
        expect(reads).toEqual(
          USERS.map((user) => ({ name: percentileOf(user) < percent ? names.target : names.source, visits })),
        );
      }
    } finally {
      await router.close();
      await Promise.all([source.end(), target.end()]);
    }
    const acts = await readActs(pipeline.target, pipeline.config.name, 100);
    const steps = acts.filter(({ act }) => act === 'rollout').map(({ detail }) => [detail.from, detail.to]);
    expect(steps).toEqual([
      [30, 0],
      [100, 30],
      [30, 100],
      [0, 30],
    ]);
  });

  test('an answer that is only late is no difference', async () => {
    // Apply stands while its checkpoint is locked.
    const lock = await pipeline.connect('target');
    await lock.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
    await pipeline.source.query("UPDATE public.users SET visits = 500 WHERE id = 'user-1'");
    const comparing = compare({
      'one user': { ...VISITS, parameters: "SELECT 'user-1'" },
    });
    await eventually(
      async () => {
        const { rows } = await pipeline.target.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ferry compare-reads'
              AND query LIKE '%ferry.checkpoint%'`,
        );
        return rows.length > 0;
      },
      { what: 'the comparison to wait for apply' },
    );
    await lock.query('COMMIT');
    const result = await comparing;
    expect(result.code, result.stderr).toBe(0);
    expect(result.json<CompareReadsReport>().queries).toMatchObject([{ samples: 1, equal: 0, late: 1, different: 0 }]);
  });

  test('a row that is wrong on purpose is found, named, and stands against nothing else', async () => {
    await pipeline.untilApplied();
    await pipeline.target.query("UPDATE shared.users SET visits = -1 WHERE id = 'user-100'");
    const order = (table: string) => `SELECT id FROM ${table} WHERE id IN ('user-1', 'user-2') ORDER BY id`;
    const result = await compare({
      'visits of a user': VISITS,
      'in order': { source: order('public.users'), target: `${order('shared.users')} DESC`, ordered: true },
      'as a set': { source: order('public.users'), target: `${order('shared.users')} DESC` },
    });
    expect(result.code, result.stderr).toBe(3);
    const { ok, queries } = result.json<CompareReadsReport>();
    expect(ok).toBe(false);
    expect(queries).toMatchObject([
      {
        samples: 20,
        equal: 19,
        different: 1,
        differences: [
          {
            parameters: ['user-100'],
            rowsTotal: 2,
            rows: [
              { kind: 'missing', row: [expect.stringMatching(/^\d+$/)] },
              { kind: 'extra', row: ['-1'] },
            ],
          },
        ],
      },
      {
        different: 1,
        differences: [{ rows: [{ kind: 'order', at: 1, source: ['user-1'], target: ['user-2'] }] }],
      },
      { equal: 1, different: 0 },
    ]);
    const shown = await compare({ 'one user': { ...VISITS, parameters: "SELECT 'user-100'" } }, { asJson: false });
    expect(shown.code).toBe(3);
    expect(shown.stdout).toMatch(/one user +│ 1 +│ 0 +│ 0 +│ 1 +│ 0 +│ [\d.]+ \/ [\d.]+ +│/);
    expect(shown.stdout).toMatch(
      /one user \("user-100"\): 2 differ\n {2}in the source only: \["\d+"\]\n {2}in the target only: \["-1"\]/,
    );
    const { rows } = await pipeline.source.query("SELECT visits FROM public.users WHERE id = 'user-100'");
    await pipeline.target.query("UPDATE shared.users SET visits = $1 WHERE id = 'user-100'", [rows[0].visits]);
    await pipeline.expectEqual();
  });

  test('a query that compared nothing, or that a server cannot answer, is told', async () => {
    const none = await compare({ nobody: { ...VISITS, parameters: 'SELECT id FROM public.users WHERE false' } });
    expect(none.json<CompareReadsReport>()).toMatchObject({ ok: false, queries: [{ samples: 0, source: null }] });
    expect(none.code).toBe(3);
    const wrong = await compare({ 'of the old schema': { ...VISITS, target: VISITS.source } });
    expect(wrong.code).toBe(2);
    expect(wrong.json<CliError>().error).toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/reads\.yaml:1:\d+: the query of the old schema on the target: .*public\.users/),
    });
    const writing = await compare({ writes: { ...VISITS, target: 'DELETE FROM shared.users WHERE id = $1' } });
    expect([writing.code, (await pipeline.target.query('SELECT FROM shared.users')).rowCount]).toEqual([2, 200]);
  });

  test('is refused above zero by lag, dead letters, a table that stands and an open cutover; down it goes at any time', async () => {
    await stepWhenReady(50);
    const { target, config } = pipeline;
    const some = { mappings: config.tables, record: async () => {} };
    for (const resetting of [() => resetTarget(target, config), () => resetTables(target, config, some)]) {
      await expect(resetting()).rejects.toMatchObject({
        code: 'not-ready',
        message: expect.stringContaining('50 % of the users read from the new project'),
      });
    }
    const resnapshot = await pipeline.ferry('table', 'resnapshot', 'public.users', '--yes');
    expect([resnapshot.code, resnapshot.stderr]).toEqual([3, expect.stringContaining('50 % of the users read')]);
    const lock = await pipeline.connect('target');
    await lock.query('BEGIN; SELECT FROM ferry.checkpoint FOR UPDATE');
    await pipeline.source.query("UPDATE public.users SET visits = 1 WHERE id = 'user-2'");
    await eventually(async () => ((await pipeline.status()).lag.seconds ?? 0) > 0, { what: 'lag' });
    await expect(step(60, { maxLagSeconds: 0 })).rejects.toThrow(/lag is [\d.]+ s, above 0 s/);
    await lock.query('COMMIT');
    await target.query('UPDATE ferry.ledger SET dead_lettered = 2 WHERE pipeline = $1', [config.name]);
    await expect(step(60)).rejects.toThrow('2 changes are dead letters');
    await target.query('UPDATE ferry.ledger SET dead_lettered = 0 WHERE pipeline = $1', [config.name]);
    expect((await pipeline.ferry('table', 'pause', 'public.users')).code).toBe(0);
    await expect(step(60)).rejects.toThrow('public.users is paused');
    expect((await pipeline.ferry('table', 'resume', 'public.users')).code).toBe(0);
    const journal = await Journal.begin(target, {
      pipeline: config.name,
      direction: 'forward',
      settings: DEFAULT_SETTINGS,
    });
    await expect(step(60)).rejects.toThrow('a cutover was left at its step gates');
    expect((await step(10)).after.percent).toBe(10);
    await journal.aborted();
    expect((await stepWhenReady(60)).after.percent).toBe(60);
    const down = await rollout('--percent', '0');
    expect(down.json()).toEqual({ ok: true, serving: 'source', percent: 0, mode: 'reads', before: 60, gates: [] });
    // Somebody takes it up just as the tables are to be emptied.
    await lock.query('BEGIN; UPDATE ferry.cutover SET rollout_percent = 10');
    const resetting = expect(resetTarget(target, config)).rejects.toThrow('10 % of the users read');
    const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await eventually(async () => (await lock.query(waiting)).rowCount === 1, { what: 'the replay to wait' });
    await lock.query('COMMIT');
    await resetting;
    expect((await target.query('SELECT FROM shared.users')).rowCount).toBe(200);
    expect((await step(0)).after.percent).toBe(0);
    // A replay has begun since the gates were looked at.
    await beginReplay(target, config.name, { scope: { kind: 'whole', isBeside: false }, ends: [] });
    const seen = await readRollout(target, config.name);
    await expect(setRollout(target, { pipeline: config.name, seen, percent: 5 })).rejects.toThrow('a replay fills');
    await giveUpReplay(target, config.name);
  });

  test('is over once the new project serves', async () => {
    await stepWhenReady(30);
    const up = await rollout('--percent', '40', '--max-lag', '1m');
    expect(up.json(), up.stderr).toMatchObject({ ok: true, percent: 40, before: 30 });
    const gates = ['cutover', 'streaming', 'lag', 'dead-letters', 'verified'];
    expect(up.json<{ gates: object[] }>().gates).toMatchObject(gates.map((gate) => ({ gate, isOpen: true })));
    const { target, config } = pipeline;
    const settings = DEFAULT_SETTINGS;
    await (await Journal.begin(target, { pipeline: config.name, direction: 'forward', settings })).flip();
    const shown = await rollout();
    expect(shown.json()).toEqual({ ok: true, serving: 'target', percent: 0, mode: 'reads' });
    await expect(step(50)).rejects.toThrow('the new project serves');
    const compared = await compare({ 'visits of a user': VISITS });
    expect([compared.code, compared.json<CliError>().error.code]).toEqual([3, 'not-ready']);
  });
});

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
