import type pg from 'pg';
import { readHistory } from './adapters/history.js';
import { readDatabaseBytes, readInventory } from './adapters/read-inventory.js';
import type { Deployment } from './deploy.js';
import { keep } from './kept-file.js';
import { metricsText } from './metrics-text.js';
import type { MigrationSet } from './migration-set.js';
import { planMigrations } from './plan.js';

/** Measures the database after a run, and writes the file whole: a collector never reads half of it. */
export async function writeMetrics(
  session: pg.Client,
  set: MigrationSet,
  { file, deployment, now }: { readonly file: string; readonly deployment: Deployment; readonly now: Date },
): Promise<void> {
  const { pending } = planMigrations(set, await readHistory(session));
  const text = await metricsText({
    applied: deployment.applied,
    alerts: deployment.alerts.length,
    pending: pending.length,
    objects: await readInventory(session),
    databaseBytes: await readDatabaseBytes(session),
    at: Math.floor(now.getTime() / 1_000),
  });
  await keep(file, text);
}
