import type { ClientBase } from 'pg';
import { emptyStatement, truncateStatement } from '../statements.js';
import type { TableShape } from '../table-shape.js';

const FEATURE_NOT_SUPPORTED = '0A000';

/** Does what TRUNCATE does, within a transaction: also to tables that others refer to by a foreign key. */
export async function emptyTables(
  target: ClientBase,
  shapes: readonly Pick<TableShape, 'table'>[],
  restartIdentity: boolean,
): Promise<void> {
  await target.query('SAVEPOINT truncated');
  try {
    await target.query(truncateStatement(shapes, restartIdentity));
    await target.query('RELEASE SAVEPOINT truncated');
  } catch (error) {
    if ((error as { code?: string }).code !== FEATURE_NOT_SUPPORTED) throw error;
    // A table of another domain, emptied on its own, or one that nobody maps has a foreign key to one of these.
    await target.query('ROLLBACK TO SAVEPOINT truncated');
    await target.query(emptyStatement(shapes, restartIdentity));
  }
}
