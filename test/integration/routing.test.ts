import type { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { connect } from '../../platform/postgres.js';
import { createRouter, type Flag, type Router, type RouterOptions, StaleFlagError } from '../../routing/router.js';
import { readActs } from '../../services/control/history/acts.js';
import { readRollout, setRollout } from '../../services/control/rollout/rollout.js';
import { eventually } from '../support/eventually.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

describeWithPostgres('routing', () => {
  const NEVER_MS = 600_000;
  let target: FreshDatabase;
  let operator: Client;
  let routers: Router[];

  beforeEach(async () => {
    target = await freshDatabase(testServers().targetServer, 'routing');
    operator = await connect('target', target.url, { applicationName: 'ferry-test' });
    routers = [];
  });

  afterEach(async () => {
    await Promise.all(routers.map((router) => router.close()));
    await operator.end();
    await target.drop();
  });

  function routerOf(options: Partial<RouterOptions> = {}): Router {
    const router = createRouter({ url: target.url, pipeline: 'shop', env: {}, ...options });
    routers.push(router);
    return router;
  }

  async function flip(
    serving: 'source' | 'target',
    { percent = 0, ...options }: { percent?: number; notify: boolean },
  ): Promise<void> {
    await operator.query(
      `INSERT INTO ferry.cutover (pipeline, serving, rollout_percent) VALUES ('shop', $1, $2)
       ON CONFLICT (pipeline) DO UPDATE SET serving = excluded.serving, rollout_percent = excluded.rollout_percent`,
      [serving, percent],
    );
    if (options.notify) await operator.query("NOTIFY ferry_cutover, 'shop'");
  }

  test('the source serves while there is no table and no row', async () => {
    const errors: Error[] = [];
    const router = routerOf({ onError: (error) => errors.push(error) });
    expect(await router.serving()).toBe('source');
    await ensureControlSchema(operator);
    expect(await router.refresh()).toBe('source');
    expect(errors).toEqual([]);
  });

  test('a notification tells the flip at once', async () => {
    await ensureControlSchema(operator);
    const router = routerOf({ refreshMs: NEVER_MS });
    expect(await router.serving()).toBe('source');
    const changed = new Promise((resolve) => router.onChange(resolve));
    await flip('target', { notify: true });
    expect(await changed).toEqual({ serving: 'target', percent: 0, mode: 'reads' });
    expect(await router.serving()).toBe('target');
  });

  test('a step of the rollout is told by the transaction that takes it, up and down', async () => {
    await ensureControlSchema(operator);
    const router = routerOf({ refreshMs: NEVER_MS, maxStalenessMs: NEVER_MS });
    expect(await router.route('user-1')).toEqual({ reads: 'source', writes: 'source' });
    let seen = await readRollout(operator, 'shop');
    // The place of user-1 is 19.
    for (const [percent, reads] of [
      [19, 'source'],
      [20, 'target'],
      [100, 'target'],
      [0, 'source'],
    ] as const) {
      const changed = new Promise<Flag>((resolve) => {
        const unsubscribe = router.onChange((flag) => {
          unsubscribe();
          resolve(flag);
        });
      });
      seen = await setRollout(operator, { pipeline: 'shop', seen, percent });
      expect(await changed).toMatchObject({ percent });
      expect(await router.route('user-1')).toEqual({ reads, writes: 'source' });
    }
    const acts = await readActs(operator, 'shop', 10);
    expect(acts.map(({ act, detail }) => [act, detail])).toEqual([
      ['rollout', { from: 100, to: 0 }],
      ['rollout', { from: 20, to: 100 }],
      ['rollout', { from: 19, to: 20 }],
      ['rollout', { from: 0, to: 19 }],
    ]);
  });

  test('a rollout that was changed meanwhile is refused, and nothing of it stays', async () => {
    await ensureControlSchema(operator);
    await flip('source', { percent: 50, notify: false });
    const seen = { ...(await readRollout(operator, 'shop')), percent: 10 };
    await expect(setRollout(operator, { pipeline: 'shop', seen, percent: 20 })).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('the source serves, 50 %'),
    });
    expect(await readRollout(operator, 'shop')).toEqual({ ...seen, percent: 50 });
    expect(await readActs(operator, 'shop', 10)).toEqual([]);
  });

  test('a flag table of before gets its columns, and keeps its row', async () => {
    await ensureControlSchema(operator);
    await flip('target', { notify: false });
    const drop = (...columns: string[]) =>
      operator.query(`ALTER TABLE ferry.cutover ${columns.map((column) => `DROP COLUMN ${column}`).join(', ')}`);
    await drop('rollout_to', 'routers_within_ms');
    // A router may be newer than the target.
    expect(await routerOf().serving()).toBe('target');
    await drop('rollout_percent', 'rollout_mode');
    await ensureControlSchema(operator);
    const expected = { serving: 'target', percent: 0, mode: 'reads', to: null, routersWithinMs: null };
    expect(await readRollout(operator, 'shop')).toEqual(expected);
  });

  test('a flip without a notification is seen by the next read', async () => {
    await ensureControlSchema(operator);
    const router = routerOf({ refreshMs: 50 });
    await router.serving();
    await flip('target', { notify: false });
    await eventually(async () => (await router.serving()) === 'target', { what: 'the flip' });
  });

  test('a lost connection is opened again, and notifications come through it', async () => {
    await ensureControlSchema(operator);
    const router = routerOf({ refreshMs: NEVER_MS });
    await router.serving();
    const ours = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'ferry-routing shop'`;
    const { rows: lost } = await operator.query(`SELECT pid, pg_terminate_backend(pid) ${ours}`);
    expect(lost).toHaveLength(1);
    await eventually(
      async () => {
        const { rows } = await operator.query(`SELECT 1 ${ours} AND pid <> $1 AND state = 'idle'`, [lost[0].pid]);
        return rows.length === 1;
      },
      { what: 'a new connection' },
    );
    await flip('target', { notify: true });
    await eventually(async () => (await router.serving()) === 'target', { what: 'the flip' });
  });

  test('a target that cannot be reached is an error, or the side that is configured for it', async () => {
    const errors: Error[] = [];
    const url = new URL(target.url);
    url.port = '1';
    const onError = (error: Error) => void errors.push(error);
    await expect(routerOf({ url: url.href, onError }).serving()).rejects.toThrow(StaleFlagError);
    expect(errors.length).toBeGreaterThan(0);
    expect(await routerOf({ url: url.href, whenStale: 'source' }).route('u')).toEqual({
      reads: 'source',
      writes: 'source',
    });
  });

  test('cut off, it goes on with the last value up to the bound, then says so, and finds back by itself', async () => {
    await ensureControlSchema(operator);
    await flip('target', { notify: false });
    const maintenance = await connect('target', testServers().targetServer, { applicationName: 'ferry-test' });
    try {
      const router = routerOf({ refreshMs: 50, maxStalenessMs: 3_000 });
      expect(await router.serving()).toBe('target');
      await maintenance.query(`ALTER DATABASE ${target.name} ALLOW_CONNECTIONS false`);
      await operator.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'ferry-routing shop'`);
      const answers: (string | Error)[] = [];
      await eventually(
        async () => {
          answers.push(await router.serving().catch((error: Error) => error));
          return answers.at(-1) instanceof StaleFlagError;
        },
        { what: 'the bound to pass' },
      );
      expect(new Set(answers.slice(0, -1))).toEqual(new Set(['target']));
      await flip('source', { notify: false });
      await maintenance.query(`ALTER DATABASE ${target.name} ALLOW_CONNECTIONS true`);
      await eventually(async () => (await router.serving()) === 'source', { what: 'the flag to be read again' });
    } finally {
      await maintenance.end();
    }
  });

  test('run carries a transaction over the fence to the side that serves next', async () => {
    await ensureControlSchema(operator);
    await operator.query('CREATE TABLE public.orders (id int)');
    await operator.query(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'schemaferry: the table is being cut over' USING ERRCODE = '40001'; END $$`);
    await operator.query('CREATE TRIGGER fence BEFORE INSERT ON public.orders EXECUTE FUNCTION public.refuse()');
    const router = routerOf({ refreshMs: NEVER_MS });
    let refused = 0;
    const running = router.run(async (side) => {
      if (side === 'target') return side;
      refused += 1;
      return operator.query('INSERT INTO public.orders VALUES (1)');
    });
    await eventually(() => refused > 0, { what: 'a refusal' });
    await flip('target', { notify: true });
    expect(await running).toBe('target');
  });
});
