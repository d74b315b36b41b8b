import type { ClientBase } from 'pg';
import { classify } from '../../../platform/postgres.js';

/**
 * Runs the statements in one transaction that ends with `finish`: when a statement or `finish` fails, the target is
 * as it was.
 * @throws FerryError naming the statement.
 */
export async function createTarget(
  target: ClientBase,
  statements: readonly string[],
  finish: () => Promise<void>,
): Promise<void> {
  await target.query('BEGIN');
  try {
    for (const statement of statements) await run(target, statement);
    await finish();
    await target.query('COMMIT');
  } catch (error) {
    await target.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function run(target: ClientBase, statement: string): Promise<void> {
  try {
    await target.query(statement);
  } catch (error) {
    const sql = statement.split('\n').filter((line) => !line.startsWith('--'));
    throw classify('target', error, `creating the target: ${sql.slice(0, 3).join(' ').slice(0, 200)}`);
  }
}
