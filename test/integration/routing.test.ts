import type { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { connect } from '../../platform/postgres.js';
import { createRouter, type Router, type RouterOptions } from '../../routing/router.js';
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

  async function flip(serving: 'source' | 'target', options: { notify: boolean }): Promise<void> {
    await operator.query(
      `INSERT INTO ferry.cutover (pipeline, serving) VALUES ('shop', $1)
       ON CONFLICT (pipeline) DO UPDATE SET serving = excluded.serving`,
      [serving],
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
    expect(await changed).toBe('target');
    expect(await router.serving()).toBe('target');
  });

  test('a flip without a notification is seen by the next read', async () => {
    await ensureControlSchema(operator);
    const router = routerOf({ refreshMs: 50 });
    await router.serving();
    await flip('target', { notify: false });
    await eventually(async () => (await router.serving()) === 'target', { what: 'the flip', timeoutMs: 5_000 });
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
      { what: 'a new connection', timeoutMs: 5_000 },
    );
    await flip('target', { notify: true });
    await eventually(async () => (await router.serving()) === 'target', { what: 'the flip', timeoutMs: 5_000 });
  });

  test('a target that cannot be reached leaves the source serving', async () => {
    const errors: Error[] = [];
    const url = new URL(target.url);
    url.port = '1';
    const router = routerOf({ url: url.href, onError: (error) => errors.push(error) });
    expect(await router.serving()).toBe('source');
    expect(errors.length).toBeGreaterThan(0);
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
