import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';

/**
 * Creates the publication, or checks that the one that was made beforehand publishes every table whole.
 * @throws FerryError `publication-unfit` naming what it lacks; `privilege-missing` where we may not create it.
 */
export async function ensurePublication(
  source: ClientBase,
  publication: string,
  tables: readonly QualifiedName[],
): Promise<void> {
  const { rows: found } = await source.query<Record<string, string>>(
    `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AS whole
       FROM pg_catalog.pg_publication WHERE pubname = $1`,
    [publication],
  );
  if (found.length === 0) {
    await source.query(
      `CREATE PUBLICATION ${quoteIdentifier(publication)} FOR TABLE ${tables.map(quoteName).join(', ')}`,
    );
    return;
  }
  if (found[0]!.whole !== 't') {
    throw new FerryError(
      'publication-unfit',
      `the publication ${publication} does not publish all of insert, update, delete and truncate`,
    );
  }
  const { rows } = await source.query<{ schema: string; table: string }>(
    'SELECT schemaname AS schema, tablename AS table FROM pg_catalog.pg_publication_tables WHERE pubname = $1',
    [publication],
  );
  const published = new Set(rows.map(displayName));
  const missing = tables.filter((table) => !published.has(displayName(table)));
  if (missing.length > 0) {
    throw new FerryError(
      'publication-unfit',
      `the publication ${publication} lacks ${missing.map(displayName).join(', ')}`,
      {
        remedy: `ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ${missing.map(quoteName).join(', ')}`,
      },
    );
  }
}
