import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { QualifiedName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { readPublicationFit } from '../../../platform/publication-fit.js';
import type { PublishedTable } from '../../../platform/published-tables.js';

/**
 * Creates the publication, or checks that the one that was made beforehand publishes every change of each table. One
 * that exists is never changed.
 * @returns what it publishes, by display name.
 * @throws FerryError `publication-unfit` naming what is wrong; `privilege-missing` where we may not create it.
 */
export async function ensurePublication(
  source: ClientBase,
  publication: string,
  tables: readonly QualifiedName[],
): Promise<ReadonlyMap<string, PublishedTable>> {
  const found = await readPublicationFit(source, publication, tables);
  if (!found) {
    // Tables that inherit from one of these are tables of their own; changes of partitions are those of their root.
    const list = tables.map((table) => `ONLY ${quoteName(table)}`).join(', ');
    await source.query(
      `CREATE PUBLICATION ${quoteIdentifier(publication)} FOR TABLE ${list} WITH (publish_via_partition_root = true)`,
    );
  }
  const { published, faults } = found ?? (await readPublicationFit(source, publication, tables))!;
  const [first] = faults;
  if (!first) return published;
  throw new FerryError('publication-unfit', faults.map(({ message }) => message).join('; '), {
    details: { publication },
    remedy: first.remedy,
  });
}
