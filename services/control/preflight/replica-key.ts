import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { CatalogIndex, CatalogTable } from './catalog.js';

/** Why a table cannot be moved, and what would change that. */
export interface Obstacle {
  readonly reason: string;
  readonly remedy: string;
}

export type ReplicaKey = { readonly columns: readonly string[] } | { readonly obstacle: Obstacle };

/**
 * The columns that identify a row: the primary key, or else the replica identity index; none where only all values
 * together do. The WAL must carry them of a deleted row; PostgreSQL does not take a deferrable key for that, carries no
 * generated columns, and refuses UPDATE and DELETE on a published table that has no replica identity.
 */
export function replicaKey(table: CatalogTable): ReplicaKey {
  const primary = table.uniqueIndexes.find((index) => index.primary);
  const generated = primary && generatedColumn(table, primary);
  // Within a transaction two rows may share a deferrable key: it does not tell the one's changes from the other's.
  const telling = primary?.immediate ? primary : undefined;
  switch (table.identity) {
    case 'n':
      return obstacle(
        'REPLICA IDENTITY NOTHING: updates and deletes do not say which row they mean',
        `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY DEFAULT`,
      );
    case 'i':
      return indexKey(table, telling);
    case 'd':
      if (primary && !telling) return deferrable(table, primary);
      if (primary && generated) return generatedKey(table, primary, generated);
      return primary ? { columns: primary.columns } : noKey(table);
    case 'f':
      return { columns: telling && !generated ? telling.columns : [] };
  }
}

function generatedColumn(table: CatalogTable, index: CatalogIndex): string | undefined {
  return table.columns.find(({ name, generated }) => generated !== '' && index.columns.includes(name))?.name;
}

function generatedKey(table: CatalogTable, index: CatalogIndex, column: string): ReplicaKey {
  return obstacle(
    `its key ${index.name} has the generated column ${column}, which the WAL of a deleted row does not carry`,
    `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY FULL`,
  );
}

function indexKey(table: CatalogTable, primary: CatalogIndex | undefined): ReplicaKey {
  const index = table.uniqueIndexes.find((candidate) => candidate.replicaIdentity);
  const remedy = `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY DEFAULT`;
  if (!index) return obstacle('the index of its REPLICA IDENTITY was dropped', remedy);
  const generated = generatedColumn(table, index);
  if (generated) return generatedKey(table, index, generated);
  const isCarried = primary?.columns.every((column) => index.columns.includes(column));
  return { columns: primary && isCarried ? primary.columns : index.columns };
}

function deferrable(table: CatalogTable, primary: CatalogIndex): ReplicaKey {
  return obstacle(
    `its primary key ${primary.name} is deferrable, which cannot identify rows in the WAL`,
    `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY FULL, whereupon its rows are counted, or make the key NOT DEFERRABLE`,
  );
}

function noKey(table: CatalogTable): ReplicaKey {
  return obstacle('no key: neither a primary key nor a replica identity index', keyRemedy(table));
}

function obstacle(reason: string, remedy: string): ReplicaKey {
  return { obstacle: { reason, remedy } };
}

/** Names a usable unique index where the table has one already. */
function keyRemedy(table: CatalogTable): string {
  const notNull = (name: string) => table.columns.find((column) => column.name === name)?.notNull === true;
  const usable = table.uniqueIndexes.find((index) => index.immediate && index.plain && index.columns.every(notNull));
  return usable
    ? `ALTER TABLE ${quoteName(table)} REPLICA IDENTITY USING INDEX ${quoteIdentifier(usable.name)}`
    : `ALTER TABLE ${quoteName(table)} ADD PRIMARY KEY (...), or REPLICA IDENTITY FULL where rows may be equal`;
}
