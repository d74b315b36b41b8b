import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sourceObjectName } from '../../../core/topics.js';
import { eventually } from '../../support/eventually.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

describeWithPostgres('WAL that the source keeps for the slot', () => {
  let server: OwnServer;
  let pipeline: Pipeline;

  beforeAll(async () => {
    server = await ownServer({
      wal_level: 'logical',
      max_slot_wal_keep_size: '64MB',
      max_wal_size: '64MB',
      min_wal_size: '32MB',
    });
    pipeline = await makePipeline({
      driver: 'embedded',
      sourceServer: server.url,
      capture: { walBudgetBytes: 24 * 1024 * 1024, onWalBudget: 'stop' },
      schemaSql: 'CREATE TABLE public.users (id int PRIMARY KEY, name text)',
      sourceSql: `INSERT INTO public.users SELECT i, 'u' FROM generate_series(1, 100) i`,
      tables: { shared: fromPublic('users') },
    });
  });
  afterAll(async () => {
    await pipeline?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const slots = async () =>
    (
      await pipeline.source.query('SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1', [
        sourceObjectName(pipeline.config.name),
      ])
    ).rows as { wal_status: string }[];

  /** So many times 16 MB, one segment each, and what is no longer needed removed. */
  async function writeWal(segments: number): Promise<void> {
    for (let i = 0; i < segments; i++) {
      await pipeline.source.query(
        `SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) FROM generate_series(1, 16)`,
      );
      await pipeline.source.query('SELECT pg_switch_wal()');
    }
    await pipeline.source.query('CHECKPOINT');
  }

  /** All services down, `ferry resync`, and all is copied again. */
  async function resync(): Promise<void> {
    const result = await eventually(
      async () => {
        const tried = await pipeline.ferry('resync', '--yes', '--json');
        return tried.code === 0 && tried;
      },
      { what: 'the services to be gone' },
    );
    expect(result.json()).toEqual({ ok: true, tables: ['shared.users'] });
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  }

  test('above the budget, by policy, the slot is dropped whether capture runs or not; resync begins again', async () => {
    pipeline.start();
    await pipeline.untilStreaming();
    const refused = await pipeline.ferry('resync', '--yes', '--json');
    expect([refused.code, refused.stderr.includes('Stop `ferry up`')]).toEqual([3, true]);
    await pipeline.capture.stop();
    const control = pipeline.process('control');
    control.start();
    await writeWal(2);
    await eventually(async () => (await slots()).length === 0, { what: 'control to drop the slot' });
    const said = 'the slot was dropped: the WAL that it kept was above the budget';
    await eventually(async () => (await control.stderr()).includes(said), { what: 'control to say so' });
    await control.stop();

    await pipeline.source.query(`INSERT INTO public.users VALUES (1000, 'never captured')`);
    pipeline.capture.start();
    pipeline.capture.mayEnd();
    expect((await pipeline.capture.ended).code).toBe(1);
    expect(await pipeline.capture.stderr()).toContain('run `ferry resync` and `ferry up`');
    expect((await pipeline.target.query('SELECT count(*) FROM shared.users')).rows).toEqual([{ count: '100' }]);
    await pipeline.stop();
    await resync();
  });

  test('by policy the snapshot waits while it is above the budget, and goes on below it', async () => {
    await using throttled = await makePipeline({
      driver: 'embedded',
      sourceServer: server.url,
      capture: { walBudgetBytes: 8 * 1024 * 1024, onWalBudget: 'throttle', snapshotChunkRows: 1 },
      schemaSql: 'CREATE TABLE public.many (id int PRIMARY KEY)',
      sourceSql: 'INSERT INTO public.many SELECT generate_series(1, 2500)',
      tables: { shared: fromPublic('many') },
    });
    throttled.start();
    const copied = async () =>
      Number((await throttled.target.query<{ n: string }>('SELECT count(*) AS n FROM shared.many')).rows[0]!.n);
    await throttled.until('the first rows to be copied', async () => (await copied()) > 0);
    // The slot keeps what a transaction that has written something and is open may still need.
    const open = await throttled.connect('source');
    await open.query(`BEGIN; SELECT pg_logical_emit_message(true, 'held', '')`);
    await writeWal(1);
    let before = -1;
    await throttled.until('the snapshot to wait', async () => {
      const [last, now] = [before, await copied()];
      before = now;
      await sleep(2_500);
      return last === now;
    });
    expect(before).toBeLessThan(2_500);
    await open.query('COMMIT');
    await pipeline.source.query('CHECKPOINT');
    await throttled.untilStreaming(150_000);
    await throttled.expectApplied();
  }, 240_000);

  test('a slot that the server has given up is refused with the command, and the target is readable', async () => {
    await pipeline.capture.stop();
    await writeWal(8);
    await eventually(async () => (await slots())[0]?.wal_status === 'lost', { what: 'the slot to be lost' });
    pipeline.capture.start();
    pipeline.capture.mayEnd();
    expect((await pipeline.capture.ended).code).toBe(1);
    const said = await pipeline.capture.stderr();
    expect(said).toContain('the server has removed WAL that the replication slot');
    expect(said).toContain('run `ferry resync` and `ferry up`');
    const { nextSteps, services } = await pipeline.status();
    expect(services.find(({ service }) => service === 'capture')).toMatchObject({
      state: 'halted',
      error: { code: 'slot-lost' },
    });
    expect(nextSteps[0]).toContain('ferry resync');
    expect((await pipeline.target.query('SELECT count(*) FROM shared.users')).rows).toEqual([{ count: '101' }]);
    await pipeline.stop();
    await resync();
  });
});
