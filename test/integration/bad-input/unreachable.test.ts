import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { type CliError, runFerry, testEnvironment } from '../../support/cli.js';
import { eventually } from '../../support/eventually.js';
import { MovingPair } from '../../support/moving-pair.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';
import { TARGET_SQL } from '../../support/small-tables.js';

describe('databases that cannot be reached', () => {
  let source: OwnServer;
  let target: OwnServer;
  let pair: MovingPair | undefined;

  beforeAll(async () => {
    [source, target] = await Promise.all([ownServer(), ownServer()]);
  });

  afterAll(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
  });

  afterEach(async () => {
    await pair?.close();
    pair = undefined;
  });

  const servers = () => ({ sourceServer: source.url, targetServer: target.url });

  test('at the start: each command says which, services wait for both and then prepare the target', async () => {
    pair = await MovingPair.open({ servers: servers() });
    await pair.configure();
    await mkdir(join(pair.config, 'target', 'migrations'), { recursive: true });
    await writeFile(join(pair.config, 'target', 'migrations', '001_tables.sql'), TARGET_SQL);
    await Promise.all([source.down({ crash: false }), target.down({ crash: false })]);

    pair.start('up');
    const capture = await pair.untilError('capture', 'source-unreachable');
    expect(capture.state).toBe('retrying');
    expect(capture.error!.message).toMatch(/^the source database 127\.0\.0\.1:\d+\/\S+: connect ECONNREFUSED/);
    expect(capture.error!.remedy).toBe('Check that the source database is up and reachable from here.');
    const apply = await pair.untilError('apply', 'target-unreachable');
    expect(apply.error!.message).toMatch(/^the target database 127\.0\.0\.1:\d+\/\S+: connect ECONNREFUSED/);

    const status = await pair.run('status', '--json');
    expect(status.code).toBe(1);
    expect(status.json()).toMatchObject({ phase: 'not-started', lag: { bytes: null, seconds: null } });
    for (const command of ['check', 'verify', 'cutover', 'replay']) {
      const { code, json } = await pair.run(command, '--json', ...(command === 'replay' ? ['--yes'] : []));
      expect(code, command).toBe(1);
      expect(json<CliError>().error.code, command).toMatch(/^(source|target)-unreachable$/);
    }

    await Promise.all([source.up(), target.up()]);
    await pair.connect();
    await pair.untilStreaming();
    await pair.expectEqual();
  });

  test('in mid-run: said, tried again, and every change arrives', async () => {
    pair = await MovingPair.configured({ servers: servers() });
    const up = await pair.up();
    const [before] = (await pair.status()).services;

    await pair.change();
    await source.down({ crash: true });
    const status = await pair.until(
      'both readers of the source to try again',
      ({ services }) => services.filter(({ error }) => error?.code === 'source-unreachable').length === 2,
    );
    expect(status).toMatchObject({ phase: 'streaming', lag: { bytes: null, seconds: null } });
    expect(status.errors).toContainEqual(expect.stringMatching(/^the source database \S+: connect ECONNREFUSED/));
    expect((await fetch(`${before!.http}/healthz`)).status).toBe(200);
    expect((await fetch(`${before!.http}/readyz`)).status).toBe(503);
    await source.up();
    await pair.connect();
    await pair.change();
    await pair.untilStreaming();
    expect((await fetch(`${before!.http}/readyz`)).status).toBe(200);

    await target.down({ crash: true });
    await pair.change();
    const { error } = await pair.untilError('apply', 'target-unreachable');
    expect(error!.message).toMatch(/127\.0\.0\.1:\d+/);
    await target.up();
    await pair.connect();
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
    expect(up.stderr).toContain('; trying again');
    expect(up.stderr).not.toContain('starting it again');
  });

  test('while a command asks: it says that the connection was lost, and what to look at', async () => {
    pair = await MovingPair.configured({ servers: servers() });
    const { target: session } = pair;
    await ensureControlSchema(session);
    await session.query('BEGIN; LOCK TABLE ferry.act');
    const asking = pair.start('history', '--json');
    const isEnded = async () => {
      await session.query('SELECT pg_stat_clear_snapshot()');
      const { rowCount } = await session.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ferry history' AND wait_event_type = 'Lock'`,
      );
      return rowCount === 1;
    };
    await eventually(isEnded, { what: 'the command to be ended' });
    const { code, stdout, stderr } = await asking.ended;
    await session.query('ROLLBACK');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'connection-lost' } });
    expect(stderr).toMatch(
      /^error: a database: \S.*\n {2}next: Check that both databases are up and reachable from here\.\n$/,
    );
  });

  test('while control measures: it tries again and is not started again', async () => {
    pair = await MovingPair.configured({ servers: servers() });
    const up = await pair.up();
    await pair.source.query(END_THREE_WHILE_MEASURING);
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
    expect(up.stderr).toContain('; trying again');
    expect(up.stderr).not.toContain('starting it again');
  });

  test('a target that control cannot prepare: each try leaves no session behind', async () => {
    pair = await MovingPair.configured({ servers: servers() });
    await pair.target.query(REFUSE_TO_PREPARE);
    const control = pair.start('control');
    await control.said(/(no space left.*trying again[\s\S]*){4}/);
    const { rowCount } = await pair.target.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'ferry control'`,
    );
    expect(rowCount).toBeLessThanOrEqual(2);
    await pair.target.query('DROP EVENT TRIGGER refuse');
    await control.said(/"measured"/);
  });
});

/** As of a full disk. */
const REFUSE_TO_PREPARE = `
  CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE 'no space left' USING ERRCODE = 'disk_full';
    END $$;
  CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION public.refuse()`;

const END_THREE_WHILE_MEASURING = `DO $$
  DECLARE
    ended int := 0;
  BEGIN
    WHILE ended < 3 LOOP
      PERFORM pg_stat_clear_snapshot(), pg_sleep(0.001);
      ended := ended + (SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
                         WHERE application_name = 'ferry control' AND state = 'active');
    END LOOP;
  END $$`;

describeWithPostgres('a demo', () => {
  test('on servers that do not answer ends with what is wrong', async () => {
    const at = 'postgres://me:hunter2@127.0.0.1:1/x';
    const result = await runFerry(['demo', '--json', '--source-server', at, '--target-server', at], testEnvironment());
    expect(result.code).toBe(1);
    expect(result.json<CliError>().error).toMatchObject({ code: 'source-unreachable' });
    expect(result.stdout + result.stderr).not.toContain('hunter2');
  });

  test('over brokers that do not answer ends with what is wrong', async () => {
    const { sourceServer, targetServer } = testServers();
    const servers = ['--source-server', sourceServer, '--target-server', targetServer];
    const args = ['demo', '--json', '--rows', '2000', '--brokers', '127.0.0.1:1', ...servers];
    const result = await runFerry(args, testEnvironment());
    expect(result.code, result.stderr).toBe(1);
    expect(result.json<CliError>().error).toMatchObject({
      code: 'log-unreachable',
      message: expect.stringContaining('ECONNREFUSED 127.0.0.1:1'),
    });
  });
});
