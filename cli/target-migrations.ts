import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FerryError } from '../core/errors.js';
import type { LoadedPipeline } from '../platform/load-pipeline.js';
import type { TargetMigrations } from '../services/control/preflight/target-migrations.js';
import { readHistory, whyNoHistory } from '../services/migrate/adapters/history.js';
import { withMigrationLock } from '../services/migrate/adapters/migration-lock.js';
import { layoutOf, readMigrations } from '../services/migrate/layout.js';
import { type AppliedMigration, migrate, type Progress, readyMigrations } from '../services/migrate/migrate.js';
import { beforeCopy, planMigrations } from '../services/migrate/plan.js';
import { operatorOf, withDatabase } from './db-target.js';

/** before: schemas, types, tables, keys. after: what would slow the copy down, and what rows must be there for. */
export type CopyStage = 'before' | 'after';

export interface TargetMigrateOptions {
  readonly progress?: Progress;
  /** Between two files; what runs is run to its end. */
  readonly signal?: AbortSignal;
}

/** Apply writes meanwhile, and must not wait behind us for long. */
const LOCK_TIMEOUT_MS = 2_000;
const TRIES = 30;
/** A foreign key whose other end is in a domain schema that is a moment behind. */
const FOREIGN_KEY_VIOLATION = '23503';
/** For another instance that does the same. */
const WAIT_MS = 60_000;

/**
 * Runs migrations of the pipeline's own `target/`: what has been run is not run again, whoever ran it. Snapshots and
 * docs/MIGRATIONS.md are those of `ferry db`: a service may have nowhere to write.
 * @returns what was run now; undefined where the pipeline has none.
 * @throws FerryError as migrate does.
 */
export async function migrateTarget(
  pipeline: LoadedPipeline,
  stage: CopyStage,
  { progress, signal }: TargetMigrateOptions = {},
): Promise<AppliedMigration[] | undefined> {
  const set = await readTargetSet(pipeline);
  if (!set) return undefined;
  const { url } = pipeline.target;
  return withDatabase('migrate', url, (session) =>
    withMigrationLock(session, { waitMs: WAIT_MS }, () =>
      migrate(session, set, {
        beforeCopy: stage === 'before',
        operator: operatorOf({ environment: process.env.FERRY_ENVIRONMENT }, url),
        lockTimeoutMs: LOCK_TIMEOUT_MS,
        lockTries: TRIES,
        passing: [FOREIGN_KEY_VIOLATION],
        progress,
        around: { before: async () => stopWhen(signal), after: async () => true, failed: async () => {} },
      }),
    ),
  );
}

function stopWhen(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new FerryError('not-ready', 'interrupted; the old project serves', {
    remedy: 'Run the command again when it suits: it goes on with the migration that comes next.',
  });
}

/** What `ferry check` and the cutover's gates look at; changes nothing. @returns undefined where the pipeline has none. */
export async function readTargetMigrations(pipeline: LoadedPipeline): Promise<TargetMigrations | undefined> {
  const set = await readTargetSet(pipeline);
  if (!set) return undefined;
  return withDatabase('check', pipeline.target.url, async (session) => {
    const { pending, problems } = planMigrations(set, await readHistory(session));
    if (problems.length === 0) await readyMigrations(session, set, {});
    const obstacle = pending.length > 0 ? await whyNoHistory(session) : undefined;
    const before = beforeCopy(pending).length;
    return { before, after: pending.length - before, problems: [...problems, ...(obstacle ? [obstacle] : [])] };
  });
}

async function readTargetSet({ directory }: LoadedPipeline) {
  const folder = join(directory, 'target');
  refuseOldScripts(folder);
  const layout = layoutOf(folder);
  return existsSync(layout.migrations) ? readMigrations(layout) : undefined;
}

/** They would be left out without a word. */
function refuseOldScripts(folder: string): void {
  const old = ['before-copy.sql', 'after-copy.sql'].find((name) => existsSync(join(folder, name)));
  if (!old) return;
  throw new FerryError('config-invalid', `${join(folder, old)}: the target's DDL stands in target/migrations/ now`, {
    remedy:
      'Move before-copy.sql to migrations/001_before_copy.sql, and after-copy.sql to 002_after_copy.sql with a first line -- ferry: after-copy',
  });
}
