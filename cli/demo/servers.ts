import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Client } from 'pg';
import { FerryError } from '../../core/errors.js';
import { startEmbeddedPostgres } from '../../platform/embedded-server.js';
import { connect, isEncrypted, quoteIdentifier, type Side } from '../../platform/postgres.js';

/** A database that goes away with the demo. */
export interface DemoDatabase {
  readonly url: string;
  close(): Promise<void>;
}

/** Which servers the demo runs on, and what they must have. */
interface DemoServers {
  readonly pipeline: string;
  readonly application: { readonly extensions: readonly string[] };
  readonly sourceServer: string | undefined;
  readonly targetServer: string | undefined;
}

/** @throws FerryError `usage` when the demo's own servers lack what the pipeline needs: others must be given. */
export function refuseOwnServers({ pipeline, application, sourceServer, targetServer }: DemoServers): void {
  const { extensions } = application;
  const flags = [
    ...(sourceServer === undefined ? ['--source-server'] : []),
    ...(targetServer === undefined ? ['--target-server'] : []),
  ];
  if (extensions.length === 0 || flags.length === 0) return;
  const what = `${pipeline} needs PostgreSQL with the extension ${extensions.join(', ')}, which the demo's own servers lack`;
  const given = flags.map((flag) => `${flag} postgres://...`).join(' ');
  throw new FerryError('usage', what, { remedy: `Give servers that have it: ${given}` });
}

/**
 * Opens a new database: on a server of its own, or on a given one, where it is dropped at the end.
 * @param options.directory of the server's data, when it is our own.
 * @param options.serverUrl of a given server; any database of it will do.
 * @param options.extensions that it must be able to create.
 */
export async function openDatabase(
  side: Side,
  options: {
    readonly directory: string;
    readonly serverUrl: string | undefined;
    readonly extensions: readonly string[];
  },
): Promise<DemoDatabase> {
  const { directory, serverUrl, extensions } = options;
  const server =
    serverUrl === undefined ? await startEmbeddedPostgres({ directory: join(directory, side) }) : undefined;
  const name = `ferry_demo_${side}_${randomBytes(4).toString('hex')}`;
  const root = serverUrl ?? server!.url;
  const url = new URL(root);
  try {
    const { encrypted } = await onServer(side, root, async (client) => {
      await refuseWithoutExtensions(side, client, extensions);
      await client.query(`CREATE DATABASE ${quoteIdentifier(name)}`);
      return { encrypted: isEncrypted(client) };
    });
    if (encrypted) demandTls(url);
  } catch (error) {
    await server?.stop();
    throw error;
  }
  url.pathname = `/${name}`;
  return {
    url: url.href,
    close: async () => {
      if (server) await server.stop();
      else await dropDatabase(side, root, name);
    },
  };
}

/** The demo's application connects as applications do, by pg alone, which takes no TLS that it is not told to take. */
function demandTls({ searchParams }: URL): void {
  if (searchParams.has('sslmode') || process.env.PGSSLMODE) return;
  searchParams.set('sslmode', searchParams.has('sslrootcert') ? 'verify-full' : 'require');
}

async function dropDatabase(side: Side, serverUrl: string, name: string): Promise<void> {
  await onServer(side, serverUrl, async (client) => {
    // A database with a slot cannot be dropped; its reader has stopped by now.
    await client.query(
      `SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE database = '${name}'`,
    );
    await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
  });
}

async function refuseWithoutExtensions(side: Side, client: Client, extensions: readonly string[]): Promise<void> {
  const available = 'SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1';
  for (const extension of extensions) {
    if ((await client.query(available, [extension])).rows.length > 0) continue;
    throw new FerryError('usage', `the server of --${side}-server has no extension ${extension}`, {
      remedy: 'Install it on that machine (pgvector brings vector), or give another server.',
    });
  }
}

async function onServer<T>(side: Side, url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(side, url, { applicationName: 'ferry demo' });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
