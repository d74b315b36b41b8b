import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';

/** "ferry db" as a number; advisory locks are each database's own. */
const LOCK = '7378697629483820646';
const LOOK_EVERY_MS = 250;

export interface LockOptions {
  /** How long another migrator may take. */
  readonly waitMs: number;
  /** Told once, with who holds the lock. */
  readonly onWait?: (holder: string) => void;
}

/**
 * Works as the only migrator of a database. The lock is the session's: it ends with this process, however that ends.
 * @throws FerryError `not-ready` when another one has it for too long.
 */
export async function withMigrationLock<T>(
  session: pg.Client,
  { waitMs, onWait }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (let tries = 0; !(await tryLock(session)); tries++) {
    const holder = await readHolder(session);
    if (tries === 0) onWait?.(holder);
    if (Date.now() > deadline) {
      throw new FerryError('not-ready', `another migration of this database is running: ${holder}`, {
        remedy: 'Wait until it has ended, then run the command again.',
      });
    }
    await sleep(LOOK_EVERY_MS);
  }
  try {
    return await work();
  } finally {
    await session.query(`SELECT pg_catalog.pg_advisory_unlock(${LOCK})`).catch(() => {});
  }
}

async function tryLock(session: pg.Client): Promise<boolean> {
  const { rows } = await session.query<{ has: string }>(`SELECT pg_catalog.pg_try_advisory_lock(${LOCK}) AS has`);
  return rows[0]!.has === 't';
}

async function readHolder(session: pg.Client): Promise<string> {
  const { rows } = await session.query<{ holder: string }>(
    `SELECT pg_catalog.format('%s, process %s of %s', a.application_name, a.pid, a.usename) AS holder
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK}`,
  );
  return rows[0]?.holder ?? 'it has just ended';
}
