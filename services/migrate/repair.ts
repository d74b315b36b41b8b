import type pg from 'pg';
import {
  ensureHistory,
  forgetApplied,
  type Operator,
  readHistory,
  recordApplied,
  recordEvent,
} from './adapters/history.js';
import { unknownVersion } from './migrate.js';
import { findMigration, type MigrationSet } from './migration-set.js';

export interface Repair {
  /** Version, file or release. */
  readonly name: string;
  readonly state: 'applied' | 'pending';
  readonly reason: string;
}

/**
 * Corrects what the history says of one migration; nothing is run. To be called under the migration lock.
 * @returns the version.
 * @throws FerryError `usage` when neither files nor history have it.
 */
export async function repairHistory(
  session: pg.Client,
  set: MigrationSet,
  { name, state, reason, operator }: Repair & { readonly operator: Operator },
): Promise<string> {
  await ensureHistory(session);
  const found = set.migrations[findMigration(set.migrations, name)];
  const { applied, open } = await readHistory(session);
  const known = [...applied, ...open].find(({ version }) => version === name);
  // What stands in the history alone can only be taken out of it.
  if (!found && (!known || state === 'applied')) throw unknownVersion(name, set.migrations);
  const version = found?.version ?? name;
  const migration = found ?? { version, file: known?.file ?? version, checksum: '', isTransactional: true };
  await session.query('BEGIN');
  try {
    if (state === 'applied') await recordApplied(session, operator, found!, undefined);
    else await forgetApplied(session, version);
    await recordEvent(session, operator, { kind: `repaired-${state}`, migration, detail: reason });
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
  return version;
}
