import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { classify, quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { readPublicationFit } from '../../../platform/publication-fit.js';

/**
 * Adds a table to a publication, unless it has it or is yet to be made.
 * @throws FerryError `publication-unfit` when the table's changes would not all be published so; `privilege-missing`.
 */
export async function publishTable(source: ClientBase, publication: string, table: QualifiedName): Promise<void> {
  const fit = await readPublicationFit(source, publication, [table]);
  if (!fit) return;
  const statement = `ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ONLY ${quoteName(table)}`;
  const isPublished = fit.published.has(displayName(table));
  await source.query('BEGIN');
  try {
    if (!isPublished) await source.query(statement);
    const { faults } = (await readPublicationFit(source, publication, [table]))!;
    if (faults.length > 0) {
      const { message, remedy } = faults[0]!;
      throw new FerryError('publication-unfit', message, { remedy, details: { publication } });
    }
    await source.query('COMMIT');
  } catch (error) {
    await source.query('ROLLBACK').catch(() => {});
    const found = classify('source', error, `adding ${displayName(table)} to the publication ${publication}`);
    if (found.code !== 'privilege-missing') throw found;
    throw new FerryError('privilege-missing', found.message, {
      remedy: `As the owner of publication and table: ${statement}`,
      cause: error,
    });
  }
}

/** Takes a table out of a publication. @returns false where the role may not. */
export async function unpublishTable(source: ClientBase, publication: string, table: QualifiedName): Promise<boolean> {
  const fit = await readPublicationFit(source, publication, []);
  if (!fit?.published.has(displayName(table))) return true;
  try {
    await source.query(`ALTER PUBLICATION ${quoteIdentifier(publication)} DROP TABLE ONLY ${quoteName(table)}`);
    return true;
  } catch (error) {
    // 55000: a publication of all tables, or of a schema's.
    if (['42501', '55000', '42704'].includes((error as { code?: string }).code ?? '')) return false;
    throw classify('source', error, `taking ${displayName(table)} out of the publication ${publication}`);
  }
}

const WRITERS_SQL = `
SELECT DISTINCT virtualtransaction AS id, pid FROM pg_catalog.pg_locks
 WHERE locktype = 'relation' AND granted AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND relation IN (SELECT pg_catalog.to_regclass($1)::oid
                    UNION ALL SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)))`;

/**
 * Waits until transactions that have written to a table by now are over: what they wrote before it was published is in
 * no stream, and before their end no copy sees it.
 * @throws FerryError `not-ready` naming them.
 */
export async function waitForWriters(source: ClientBase, table: QualifiedName, withinMs: number): Promise<void> {
  const writers = async () => {
    const { rows } = await source.query<{ id: string; pid: string | null }>(WRITERS_SQL, [quoteName(table)]);
    return new Map(rows.map(({ id, pid }) => [id, pid ?? 'prepared']));
  };
  const before = await writers();
  const deadline = performance.now() + withinMs;
  for (let left = before; left.size > 0; ) {
    if (performance.now() > deadline) {
      throw new FerryError(
        'not-ready',
        `transactions that write to ${displayName(table)} have been open for long: pid ${[...left.values()].join(', ')}`,
        { remedy: 'End them, or wait for them; then run the command again.' },
      );
    }
    await sleep(100);
    const now = await writers();
    left = new Map([...left].filter(([id]) => now.has(id)));
  }
}
