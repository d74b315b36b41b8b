import type { AppliedMigration } from './migrate.js';
import type { TestReport } from './smoke-test.js';

/** What somebody should look at, although it was applied. */
export interface Alert {
  readonly kind: 'slow' | 'test';
  /** A file, or an assertion. */
  readonly subject: string;
  readonly message: string;
}

/** A migration that takes longer holds locks for longer than people wait. */
const SLOW_MS = 30_000;

/** Slow migrations, and what the smoke tests found: counts that are off, functions that are missing, a size above its limit. */
export function findAlerts(applied: readonly AppliedMigration[], tests: readonly TestReport[]): Alert[] {
  const slow = applied
    .filter(({ durationMs }) => durationMs > SLOW_MS)
    .map(({ file, durationMs }) => {
      const message = `took ${Math.round(durationMs / 1_000)} s, more than ${SLOW_MS / 1_000} s`;
      return { kind: 'slow' as const, subject: file, message };
    });
  const failed = tests.flatMap(({ assertions }) =>
    assertions
      .filter(({ ok }) => !ok)
      .map(({ name, message = 'does not hold' }) => ({ kind: 'test' as const, subject: name, message })),
  );
  return [...slow, ...failed];
}
