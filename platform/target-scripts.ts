import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../core/errors.js';
import type { LoadedPipeline } from './load-pipeline.js';

/** before-copy: schemas, types, tables, keys. after-copy: secondary indexes, foreign keys, policies, grants. */
export type TargetScript = 'before-copy' | 'after-copy';

export type ScriptOutcome = 'absent' | 'done-before' | 'done';

/**
 * Runs `target/<script>.sql` of the configuration in one transaction, once: its checksum is kept in the target.
 * @throws FerryError `target-unfit` with file and line when a statement fails, or when the file changed after it ran.
 */
export async function runTargetScript(
  target: ClientBase,
  pipeline: LoadedPipeline,
  script: TargetScript,
): Promise<ScriptOutcome> {
  const file = scriptFile(pipeline, script);
  const sql = await readScript(file);
  if (sql === undefined) return 'absent';
  const checksum = createHash('sha256').update(sql).digest('hex');
  const { rows } = await target.query<{ checksum: string }>(
    'SELECT checksum FROM ferry.target_script WHERE pipeline = $1 AND script = $2',
    [pipeline.name, script],
  );
  if (rows[0] && rows[0].checksum !== checksum) {
    throw new FerryError('target-unfit', `${file} changed after it was run on the target`, {
      remedy: 'Restore the file, and bring the change to the target by a migration of its own.',
    });
  }
  if (rows[0]) return 'done-before';
  for (let attempt = 1; ; attempt++) {
    try {
      await runOnce(target, pipeline.name, script, { sql, checksum });
      return 'done';
    } catch (error) {
      await target.query('ROLLBACK').catch(() => {});
      const isPassing = PASSING.has((error as { code?: string }).code ?? '');
      if (!isPassing || attempt === TRIES) throw scriptFailed(file, sql, error as Error & { position?: string });
      await sleep(RETRY_AFTER_MS);
    }
  }
}

/** True when the configuration has the script and it has not been run on the target. */
export async function isScriptPending(
  target: ClientBase,
  pipeline: LoadedPipeline,
  script: TargetScript,
): Promise<boolean> {
  if ((await readScript(scriptFile(pipeline, script))) === undefined) return false;
  const { rows: found } = await target.query(
    "SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass('ferry.target_script')",
  );
  if (found.length === 0) return true;
  const { rows } = await target.query('SELECT FROM ferry.target_script WHERE pipeline = $1 AND script = $2', [
    pipeline.name,
    script,
  ]);
  return rows.length === 0;
}

function scriptFile(pipeline: LoadedPipeline, script: TargetScript): string {
  return join(pipeline.directory, 'target', `${script}.sql`);
}

/** @returns undefined when the configuration has no such script. */
function readScript(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function runOnce(
  target: ClientBase,
  pipeline: string,
  script: TargetScript,
  { sql, checksum }: { sql: string; checksum: string },
): Promise<void> {
  await target.query('BEGIN');
  // Apply writes meanwhile, and must not wait behind us for long.
  await target.query("SET LOCAL lock_timeout = '2s'");
  await target.query(sql);
  await target.query('INSERT INTO ferry.target_script (pipeline, script, checksum) VALUES ($1, $2, $3)', [
    pipeline,
    script,
    checksum,
  ]);
  await target.query('COMMIT');
}

/**
 * What passes by itself while apply goes on: locks, deadlocks, and a foreign key whose other end is in a domain schema
 * that is a moment behind.
 */
const PASSING = new Set(['55P03', '40P01', '23503']);
const TRIES = 30;
const RETRY_AFTER_MS = 500;

function scriptFailed(file: string, sql: string, error: Error & { position?: string }): FerryError {
  const before = error.position ? sql.slice(0, Number(error.position)) : undefined;
  const line = before ? `:${before.split('\n').length}` : '';
  return new FerryError('target-unfit', `${file}${line}: ${error.message}`, {
    remedy: 'Correct the script; nothing of it was kept.',
    cause: error,
  });
}
