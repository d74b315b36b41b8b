import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../platform/embedded-server.js';
import { connect, isEncrypted, quoteIdentifier, type Side } from '../../platform/postgres.js';

/** A database that goes away with the demo. */
export interface DemoDatabase {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens a new database: on a server of its own, or on a given one, where it is dropped at the end.
 * @param directory of the server's data, when it is our own.
 * @param serverUrl of a given server; any database of it will do.
 */
export async function openDatabase(
  side: Side,
  directory: string,
  serverUrl: string | undefined,
): Promise<DemoDatabase> {
  const server =
    serverUrl === undefined ? await startEmbeddedPostgres({ directory: join(directory, side) }) : undefined;
  const name = `ferry_demo_${side}_${randomBytes(4).toString('hex')}`;
  const root = serverUrl ?? server!.url;
  const url = new URL(root);
  try {
    const { encrypted } = await onServer(side, root, [`CREATE DATABASE ${quoteIdentifier(name)}`]);
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
  // A database with a slot cannot be dropped; its reader has stopped by now.
  await onServer(side, serverUrl, [
    `SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE database = '${name}'`,
    `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`,
  ]);
}

async function onServer(side: Side, url: string, statements: readonly string[]): Promise<{ encrypted: boolean }> {
  const client = await connect(side, url, { applicationName: 'ferry demo' });
  try {
    for (const statement of statements) await client.query(statement);
    return { encrypted: isEncrypted(client) };
  } finally {
    await client.end();
  }
}
