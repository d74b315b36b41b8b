import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';

const AGAIN_MS = 100;

/** Until a server has noticed that the session of a command which was killed is gone. */
export const JUST_DIED_MS = 2_000;

/** Until the server has noticed that a broken session, which had the lock, is gone. */
export const BROKEN_MS = 5_000;

/**
 * Makes a session the pipeline's one coordinator, until it ends, however that is. What only the coordinator may do to
 * the journal and the flag must go through this very session: who has lost it has lost the lock.
 * @param withinMs how long one that is just ending may take.
 * @throws FerryError `not-ready` naming who has the lock.
 */
export async function lockCoordinator(target: ClientBase, pipeline: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await tryLock(target, pipeline))) {
    if (performance.now() < deadline) {
      await sleep(AGAIN_MS);
      continue;
    }
    const holder = (await readCoordinator(target, pipeline)) ?? 'it has just ended';
    throw new FerryError('not-ready', `another command has the pipeline ${pipeline}: ${holder}`, {
      remedy: 'Wait until it ends, or end that process; `ferry status` shows the flag.',
    });
  }
}

const KEY = "pg_catalog.hashtext('ferry.cutover'), pg_catalog.hashtext($1)";

async function tryLock(target: ClientBase, pipeline: string): Promise<boolean> {
  const { rows } = await target.query<{ locked: string }>(`SELECT pg_catalog.pg_try_advisory_lock(${KEY}) AS locked`, [
    pipeline,
  ]);
  return rows[0]!.locked === 't';
}

/** Who has the lock, or undefined. */
export async function readCoordinator(target: ClientBase, pipeline: string): Promise<string | undefined> {
  const { rows } = await target.query<{ holder: string }>(
    `SELECT pg_catalog.format('%s, session %s of %s%s, since %s', a.application_name, a.pid, a.usename,
              ' from ' || pg_catalog.host(a.client_addr), coalesce(a.backend_start,
                (SELECT r.started_at FROM ferry.cutover_run r WHERE r.pipeline = $1 AND r.state = 'open'))) AS holder
       FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        AND l.classid = (pg_catalog.hashtext('ferry.cutover')::bigint & 4294967295)::oid
        AND l.objid = (pg_catalog.hashtext($1)::bigint & 4294967295)::oid`,
    [pipeline],
  );
  return rows[0]?.holder;
}
