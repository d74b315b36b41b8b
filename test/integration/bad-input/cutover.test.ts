import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../platform/postgres.js';
import type { CutoverReport } from '../../../services/control/cutover/plan.js';
import type { CliError, CliResult, FerryProcess } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

/** One pipeline for all: a cutover that fails must leave it as it was, for the next one and for the application. */
describeWithPostgres('a cutover that cannot go through', () => {
  let pair: MovingPair;

  beforeAll(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    await pair.up();
  });

  afterAll(async () => {
    await pair?.close();
  });

  const session = () => connect('source', pair.databases.source.url, { applicationName: 'writer' });

  /** Refused as not ready, with the old project serving and taking writes. */
  async function expectUndone(result: CliResult): Promise<string> {
    expect(result.code, result.stderr).toBe(3);
    const { error } = result.json<CliError>();
    expect(error.code).toBe('not-ready');
    await pair.change();
    expect((await pair.status()).serving).toBe('source');
    return error.message;
  }

  /** Starts a cutover that gets no further than the step `drained`: apply may not move its checkpoint. */
  async function stuck(...args: string[]): Promise<{ cutover: FerryProcess; letGo: () => Promise<void> }> {
    const target = await connect('target', pair.databases.target.url, { applicationName: 'lock' });
    const cutover = pair.start('cutover', '--json', ...args);
    await cutover.said(/gates +done/);
    await target.query('BEGIN');
    await target.query('SELECT FROM ferry.checkpoint FOR UPDATE');
    await cutover.said(/fence +done/);
    return { cutover, letGo: () => target.end() };
  }

  test('a pause that is too short is refused before anything is fenced', async () => {
    const result = await pair.run('cutover', '--json', '--max-pause', '1ms');
    expect(await expectUndone(result)).toMatch(/^the write pause would be about \d+ ms, above 1 ms$/);
    expect(result.stderr).not.toContain('fence');
  });

  test('a pause that is used up is undone', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '2s');
    await expect(pair.change()).rejects.toMatchObject({ code: '40001' });
    await pair.source.query('ROLLBACK');
    const result = await cutover.ended;
    expect(result.stderr).toMatch(/undo +done +the fence is lifted, the old project serves/);
    expect(await expectUndone(result)).toBe('the write pause was used up after 2000 ms; the old project serves');
    await letGo();
    await pair.untilStreaming();
  });

  test('Ctrl-C under the fence undoes it', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    cutover.signal('SIGINT');
    const result = await cutover.ended;
    expect(result.stderr).toMatch(/undo +done/);
    expect(await expectUndone(result)).toBe('the cutover was interrupted; the old project serves');
    await letGo();
    await pair.untilStreaming();
  });

  test('a long transaction that holds a table keeps the fence from being armed', async () => {
    const writer = await session();
    try {
      await writer.query("BEGIN; UPDATE public.settings SET value = '{}' WHERE key = 'setting 2'");
      const result = await pair.run('cutover', '--json');
      expect(await expectUndone(result)).toBe('writers on the source do not let go of public.settings');
      await writer.query('COMMIT');
    } finally {
      await writer.end();
    }
    await pair.expectEqual();
  });

  test('a transaction that writes on behind the armed fence keeps it from being raised', async () => {
    const [holder, writer] = [await session(), await session()];
    try {
      // Keeps the last table from being armed, until a transaction has written to one that is.
      await holder.query('BEGIN; LOCK TABLE public.users IN ROW EXCLUSIVE MODE');
      const cutover = pair.start('cutover', '--json', '--max-pause', '4s');
      const waiting = "SELECT FROM pg_locks WHERE relation = 'public.users'::regclass AND NOT granted";
      await eventually(async () => (await pair.source.query(waiting)).rows.length > 0, { what: 'the last table' });
      await writer.query("BEGIN; INSERT INTO public.orders (user_id, note) VALUES (1, 'slow writer')");
      await holder.query('COMMIT');
      const message = await expectUndone(await cutover.ended);
      expect(message).toBe('transactions that write on the source were not done within 2000 ms');
      await writer.query('COMMIT');
    } finally {
      await Promise.all([holder.end(), writer.end()]);
    }
    await pair.expectEqual();
  });

  test('an apply that is stopped closes the gates, by name', async () => {
    process.kill(await pair.pidOf('apply'), 'SIGTERM');
    await pair.until('apply to be stopped', ({ services }) => services.some(({ state }) => state === 'stopped'));
    const result = await pair.run('cutover', '--json');
    expect(await expectUndone(result)).toMatch(/^not ready to cut over: .*apply is stopped/);
    pair.start('apply');
    await pair.untilStreaming();
  });

  test('killed under the fence: writes are refused until the next cutover, which begins anew and goes through', async () => {
    const { cutover, letGo } = await stuck('--max-pause', '60s');
    cutover.signal('SIGKILL');
    expect((await cutover.ended).code).toBeNull();
    await letGo();
    const refused = pair.source.query("INSERT INTO public.users (name) VALUES ('too late')");
    await expect(refused).rejects.toMatchObject({
      code: '40001',
      message: expect.stringContaining(`the pipeline ${pair.name} moves it to the new project`),
    });
    expect((await pair.status()).serving).toBe('source');

    const again = await pair.run('cutover', '--json');
    expect(again.code, again.stderr).toBe(0);
    expect(again.json<CutoverReport>()).toMatchObject({ ok: true, serving: 'target' });
    await expect(pair.change()).rejects.toMatchObject({ code: '40001' });
  });
});
