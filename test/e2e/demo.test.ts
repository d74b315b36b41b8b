import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../cli/demo/servers.js';
import { connect } from '../../platform/postgres.js';
import { type CliError, type CliResult, FerryProcess, testEnvironment } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { createLogin, dropLogin } from '../support/login.js';
import { processesWith } from '../support/processes.js';
import { describeWithKafka, describeWithPostgres, testServers } from '../support/servers.js';

interface DemoReport {
  readonly ok: boolean;
  readonly tables: readonly { readonly source: string; readonly target: string; readonly equal: boolean }[];
  readonly writePauseMs: number;
  readonly application: { readonly lost: number; readonly writesOnTarget: number };
  readonly rollback?: { readonly writePauseMs: number; readonly applicationPauseMs: number };
}

const SMALL = ['demo', '--json', '--rows', '5000', '--rate', '100'];

let demo: FerryProcess | undefined;
/** The demo's own directory for temporary files: whatever it starts has it in its arguments or its environment. */
let temporary: string;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'ferry-test-demo-'));
  // Run by root, the servers have an account of their own, which must pass through here.
  await chmod(temporary, 0o711);
});

afterEach(async () => {
  await demo?.stop();
  demo = undefined;
  await rm(temporary, { recursive: true, force: true });
});

function start(...args: readonly string[]): FerryProcess {
  return startWith({}, ...args);
}

function startWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): FerryProcess {
  demo = new FerryProcess([...SMALL, ...args], testEnvironment({ TMPDIR: temporary, ...env }));
  return demo;
}

async function expectMoved(result: CliResult): Promise<void> {
  expect(result.code, result.stderr).toBe(0);
  const report = result.json<DemoReport>();
  expect(report).toMatchObject({ ok: true, writePauseMs: expect.any(Number), application: { lost: 0 } });
  expect(report.tables).toHaveLength(14);
  expect(report.tables.filter((table) => !table.equal)).toEqual([]);
  expect(report.application.writesOnTarget).toBeGreaterThan(0);
  await expectNothingLeft();
}

async function expectNothingLeft(): Promise<void> {
  expect((await processesWith(temporary)).map(({ pid, args }) => `${pid} ${args}`)).toEqual([]);
  expect(await readdir(temporary)).toEqual([]);
}

describe('ferry demo with nothing but Node', () => {
  test('moves the database and leaves nothing', async () => {
    const { ended } = start();
    await expectMoved(await ended);
  });

  test.for([
    ['while the servers start', /starting two PostgreSQL servers/],
    ['while rows are copied', /an application writes/],
    // The pause is over in a moment otherwise, and with it what can be interrupted.
    ['while it cuts over', /failpoint: pause/, { FERRY_FAILPOINTS: 'cutover.fence.begun=pause:1000@0' }],
  ] as const)('Ctrl-C %s leaves nothing', async ([_, moment, env = {}]) => {
    const running = startWith(env);
    await running.said(moment);
    running.signal('SIGINT');
    const result = await running.ended;
    expect(result.code, result.stderr).toBe(130);
    expect(result.json<CliError>().error.message).toBe('interrupted; everything that was started is stopped');
    await expectNothingLeft();
  });

  test('a pipeline that needs pgvector, or a way back, is refused before anything starts', async () => {
    const { code, json } = await start('--pipeline', 'chief-of-staff', '--target-server', 'postgres://unused').ended;
    expect(code).toBe(2);
    const { message, remedy } = json<CliError>().error;
    expect(message).toContain('needs PostgreSQL with the extension vector');
    expect(remedy).toBe('Give servers that have it: --source-server postgres://...');
    await expectNothingLeft();
    const servers = ['--source-server', 'postgres://unused', '--target-server', 'postgres://unused'];
    const oneWay = await start('--pipeline', 'disruptor', '--roll-back', ...servers).ended;
    expect([oneWay.code, oneWay.json<CliError>().error.message]).toEqual([2, 'the pipeline disruptor has no way back']);
    await expectNothingLeft();
  });

  test('killed, it takes its servers, its services and its application with it', async () => {
    const running = start();
    await running.said(/copied public/);
    running.signal('SIGKILL');
    await running.ended;
    await eventually(async () => (await processesWith(temporary)).length === 0, {
      what: 'all of it to end',
      timeoutMs: 60_000,
    });
  });
});

describeWithPostgres('ferry demo on given servers', () => {
  const role = `demo_${randomBytes(5).toString('hex')}`;
  const password = randomBytes(12).toString('hex');

  afterEach(async () => {
    await dropLogin(testServers().sourceServer, role);
    await dropLogin(testServers().targetServer, role);
  });

  test('makes databases in them, drops them, and does not print the password', async () => {
    const { sourceServer, targetServer } = testServers();
    const login = { role, password, attributes: 'SUPERUSER' };
    const source = await createLogin(sourceServer, login);
    const target = await createLogin(targetServer, login);
    const result = await start('--source-server', source, '--target-server', target).ended;
    await expectMoved(result);
    expect(result.stdout + result.stderr).not.toContain(password);
    expect([...(await databasesOf(source)), ...(await databasesOf(target))]).toEqual([]);
  });

  test('one that lacks an extension which the pipeline needs is refused by its flag', async () => {
    const serverUrl = testServers().targetServer;
    const opening = openDatabase('target', { directory: temporary, serverUrl, extensions: ['plpgsql', 'no_such_one'] });
    await expect(opening).rejects.toMatchObject({
      code: 'usage',
      message: 'the server of --target-server has no extension no_such_one',
    });
  });

  async function databasesOf(url: string): Promise<string[]> {
    const client = await connect('source', url, { applicationName: 'ferry-test' });
    try {
      const sql = 'SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = $1';
      return (await client.query<{ datname: string }>(sql, [role])).rows.map((row) => row.datname);
    } finally {
      await client.end();
    }
  }
});

describeWithKafka('ferry demo over Kafka', () => {
  test('moves the database, and back, and leaves nothing', async () => {
    const { sourceServer, targetServer, brokers } = testServers();
    const servers = ['--source-server', sourceServer, '--target-server', targetServer];
    const { ended } = start('--roll-back', '--brokers', brokers!.join(','), ...servers);
    const result = await ended;
    await expectMoved(result);
    expect(result.stderr).toContain('the application goes on in the old project');
    expect(result.json<DemoReport>().rollback).toEqual({
      writePauseMs: expect.any(Number),
      applicationPauseMs: expect.any(Number),
    });
    expect((await topics(brokers!)).filter((topic) => topic.startsWith('demo-'))).toEqual([]);
  });
});

async function topics(brokers: readonly string[]): Promise<string[]> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}
