import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedPostgres,
} from '../../platform/embedded-server.js';
import { connect } from '../../platform/postgres.js';
import { eventually } from '../support/eventually.js';

let directory: string;
let servers: EmbeddedServer[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-test-embedded-'));
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await rm(directory, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbeddedPostgres({ directory, ...options });
  servers.push(server);
  return server;
}

const open = (server: EmbeddedServer): Promise<Client> =>
  connect('source', server.url, { applicationName: 'ferry-test' });

async function ask(server: EmbeddedServer, sql: string): Promise<unknown[]> {
  const client = await open(server);
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('an embedded server', () => {
  test('is ready for logical replication, durable, and on the loopback only', async () => {
    const server = await start({ flags: { max_connections: '33' } });
    const shown = ['wal_level', 'fsync', 'listen_addresses', 'unix_socket_directories', 'port', 'max_connections'];
    expect(
      await ask(server, `SELECT setting FROM pg_settings WHERE name IN ('${shown.join("', '")}') ORDER BY name`),
    ).toEqual(['on', '127.0.0.1', '33', String(server.port), '', 'logical'].map((setting) => [setting]));
    expect(await ask(server, "SELECT pg_create_logical_replication_slot('s', 'pgoutput') IS NOT NULL")).toEqual([
      ['t'],
    ]);
    expect(await ask(server, "SELECT pg_drop_replication_slot('s')")).toHaveLength(1);
  });

  test('stops at once while clients are connected, and starts again with the same URL on the same port', async () => {
    const first = await start();
    const client = await open(first);
    await client.query('CREATE TABLE public.kept (id int)');
    await Promise.all([first.stop(), first.stop()]);
    expect(isAlive(first.pid)).toBe(false);
    const said = await readFile(join(directory, 'server.log'), 'utf8');
    expect(said).toContain('received fast shutdown request');
    expect(said).not.toContain('received immediate shutdown request');
    const second = await start({ port: first.port });
    expect(second.url).toBe(first.url);
    expect(await ask(second, "SELECT to_regclass('public.kept') IS NOT NULL")).toEqual([['t']]);
  });

  test('recovers committed rows after SIGKILL', async () => {
    const first = await start();
    const client = await open(first);
    await client.query('CREATE TABLE public.kept AS SELECT generate_series(1, 1000) AS id');
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await start({ port: first.port });
    expect(await ask(second, 'SELECT count(*) FROM public.kept')).toEqual([['1000']]);
    expect(await readFile(join(directory, 'server.log'), 'utf8')).toContain('automatic recovery in progress');
  });

  test('names what is wrong when it cannot start', async () => {
    const server = await start();
    const other = join(directory, 'other');
    await expect(start({ directory: other, port: server.port })).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('Address already in use'),
    });
    await expect(start({ directory: other, flags: { wal_level: 'nonsense' } })).rejects.toThrow(
      /invalid value.*wal_level/s,
    );
  });

  describe('in a process that does not stop it', () => {
    const module = resolve('dist/platform/embedded-server.js');

    /** Runs a process that starts a server and then does `afterwards`. */
    async function host(afterwards: string): Promise<{ status: number | null; url: string }> {
      const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
        const { url } = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
        await new Promise((done) => process.stdout.write(url, done));
        ${afterwards}`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let url = '';
      child.stdout.on('data', (chunk) => {
        url += chunk;
      });
      const [status] = await once(child, 'close');
      return { status, url };
    }

    const refusesConnections = (url: string) =>
      eventually(
        () =>
          connect('source', url, { applicationName: 'ferry-test' }).then(
            (client) => client.end().then(() => false),
            (error) => error.code === 'source-unreachable',
          ),
        { what: 'the server to be gone' },
      );

    test('ends with it and leaves its exit code alone', async () => {
      const { status, url } = await host('process.exitCode = 7;');
      expect(status).toBe(7);
      await refusesConnections(url);
    });

    test.runIf(hasSetpriv())('ends with it when it is killed', async () => {
      const { url } = await host("process.kill(process.pid, 'SIGKILL');");
      await refusesConnections(url);
      // At once, although the old server may still be on its way out.
      expect(await ask(await start(), 'SELECT 1')).toEqual([['1']]);
    });
  });
});

function hasSetpriv(): boolean {
  try {
    execFileSync('setpriv', ['--pdeathsig', 'INT', 'true']);
    return true;
  } catch {
    return false;
  }
}
