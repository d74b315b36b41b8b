import type pg from 'pg';
import { readInventory } from './adapters/read-inventory.js';
import { readLocks, readRelations } from './adapters/read-locks.js';
import { runScript } from './adapters/run-script.js';
import { compareSchemas, type SchemaChange } from './inventory.js';
import { type ReadyMigration, resetSession } from './run-migration.js';

/** A lock on a relation that was there before. */
export interface TakenLock {
  readonly relation: string;
  /** `AccessExclusiveLock` ... */
  readonly mode: string;
}

export interface DryRunReport {
  readonly version: string;
  readonly file: string;
  /** false: it runs without a transaction, so it and what follows cannot be tried. */
  readonly wasTried: boolean;
  readonly durationMs?: number;
  readonly locks: readonly TakenLock[];
  readonly changes: readonly SchemaChange[];
}

/**
 * Runs migrations one after the other in a single transaction, looks at what each has done, and rolls all back. Its locks
 * are held until then; sequences that were advanced stay so.
 * @throws FerryError `migration-failed`, as the run itself would.
 */
export async function dryRun(
  session: pg.Client,
  ready: readonly ReadyMigration[],
  { lockTimeoutMs }: { readonly lockTimeoutMs: number },
): Promise<DryRunReport[]> {
  const reports: DryRunReport[] = [];
  await session.query('BEGIN');
  try {
    for (const { migration, script } of ready) {
      const { version, file } = migration;
      const isPossible = migration.isTransactional && reports.every(({ wasTried }) => wasTried);
      const found = isPossible
        ? await tryOne(session, script, lockTimeoutMs)
        : { wasTried: false, locks: [], changes: [] };
      reports.push({ version, file, ...found });
    }
  } finally {
    await session.query('ROLLBACK').catch(() => {});
  }
  return reports;
}

async function tryOne(session: pg.Client, script: ReadyMigration['script'], lockTimeoutMs: number) {
  const before = await readInventory(session);
  const relations = await readRelations(session);
  const held = await readLocks(session, relations);
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL row_security = on`);
  const startedAt = performance.now();
  await runScript(session, script);
  const durationMs = Math.round(performance.now() - startedAt);
  await resetSession(session);
  const isNew = (lock: TakenLock) => !held.some((one) => one.relation === lock.relation && one.mode === lock.mode);
  const locks = (await readLocks(session, relations)).filter(isNew);
  return { wasTried: true, durationMs, locks, changes: compareSchemas(before, await readInventory(session)) };
}
