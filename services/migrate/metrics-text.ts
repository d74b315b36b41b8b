import { Gauge, Registry } from 'prom-client';
import type { SchemaObject } from './inventory.js';
import type { AppliedMigration } from './migrate.js';

export interface Measured {
  readonly applied: readonly AppliedMigration[];
  readonly pending: number;
  readonly alerts: number;
  readonly objects: readonly SchemaObject[];
  readonly databaseBytes: number;
  /** Seconds since 1970. */
  readonly at: number;
}

/** Prometheus' text, for node_exporter's textfile collector: the command itself is gone by the time that it is scraped. */
export function metricsText(measured: Measured): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const duration = gauge('ferry_db_migration_duration_seconds', 'How long each migration of the last run took.', [
    'version',
  ]);
  for (const { version, durationMs } of measured.applied) duration.set({ version }, durationMs / 1_000);
  const objects = gauge('ferry_db_objects', 'Objects of the schema, by kind.', ['kind']);
  for (const { kind } of measured.objects) objects.inc({ kind });
  gauge('ferry_db_pending_migrations', 'Migrations that are not applied.').set(measured.pending);
  gauge('ferry_db_alerts', 'Slow migrations and assertions that do not hold, of the last run.').set(measured.alerts);
  gauge('ferry_db_size_bytes', 'Size of the database.').set(measured.databaseBytes);
  gauge('ferry_db_last_run_timestamp_seconds', 'When migrations were last run.').set(measured.at);
  return registry.metrics();
}
