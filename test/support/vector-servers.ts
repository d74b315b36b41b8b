import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../platform/postgres.js';
import { ownServer } from './own-server.js';
import { startContainer } from './postgres.js';
import { testServers } from './servers.js';

/** Servers whose databases may have the extension vector; superuser URLs, wal_level logical. */
export interface VectorServers {
  readonly sourceServer: string;
  readonly targetServer: string;
  /** Ends what was started for the caller alone. */
  stop(): Promise<void>;
}

const IMAGE = 'pgvector/pgvector:pg17';
const DEBIAN = { programs: '/usr/lib/postgresql', extensions: '/usr/share/postgresql' };

/**
 * Servers with pgvector: those of the run where they have it, else one for both sides: a container where Docker
 * answers, else Debian's PostgreSQL with its package pgvector.
 * @throws Error that says why there is none; see orSkip.
 */
export async function vectorServers(): Promise<VectorServers> {
  const reasons: string[] = [];
  for (const start of [sharedServers, containerForBoth, debianForBoth]) {
    try {
      return await start();
    } catch (error) {
      reasons.push((error as Error).message.trim());
    }
  }
  throw new Error(reasons.join('; '));
}

/** True when a text of SQL makes the extension. */
export function needsVector(sql: string): boolean {
  return /CREATE EXTENSION[^;]*\bvector\b/i.test(sql);
}

async function sharedServers(): Promise<VectorServers> {
  const { sourceServer, targetServer } = testServers();
  for (const url of [sourceServer, targetServer]) await expectVector(url);
  return { sourceServer, targetServer, stop: async () => {} };
}

async function expectVector(url: string): Promise<void> {
  const session = await connect('source', url, { applicationName: 'ferry-test' });
  try {
    const { rows } = await session.query("SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'vector'");
    if (rows.length === 0) throw new Error('the PostgreSQL servers of the tests have no pgvector');
  } finally {
    await session.end();
  }
}

async function containerForBoth(): Promise<VectorServers> {
  const { url, stop } = await startContainer(IMAGE).catch((error: Error) => {
    throw new Error(`Docker, ${IMAGE}: ${error.message}`);
  });
  return { sourceServer: url, targetServer: url, stop };
}

async function debianForBoth(): Promise<VectorServers> {
  const version = versionsIn(DEBIAN.extensions).find((name) =>
    namesIn(join(DEBIAN.extensions, name, 'extension')).includes('vector.control'),
  );
  if (!version) throw new Error(`no package postgresql-*-pgvector in ${DEBIAN.extensions}`);
  const { url, stop } = await ownServer({}, join(DEBIAN.programs, version, 'bin'));
  return { sourceServer: url, targetServer: url, stop };
}

/** The newest first. */
function versionsIn(directory: string): string[] {
  return namesIn(directory)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
