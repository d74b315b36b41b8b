import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { AssignedTable } from './assign-tables.js';
import { concatDdl, type Ddl, type DdlContext, leftPart } from './ddl-context.js';
import { sqlComment } from './ddl-text.js';
import type { IndexPart } from './source-parts.js';

/** So that a table whose updates carry whole old rows does so in the target too, on the way back. */
export function replicaIdentityDdl({ source, target }: AssignedTable): string[] {
  return source.identity === 'f' ? [`ALTER TABLE ${quoteName(target)} REPLICA IDENTITY FULL`] : [];
}

/** Indexes that no key needs, built once over the copied rows rather than row by row. */
export function secondaryIndexDdl(context: DdlContext, table: AssignedTable): Ddl {
  return concatDdl(
    indexesOf(context, table)
      .filter((index) => !isPrimaryInTarget(table, index))
      .map((index) => createIndex(context, table, index, claimName(context, table, index))),
  );
}

/** A table without a primary key gets one of its replica identity index. */
function isPrimaryInTarget({ source }: AssignedTable, index: IndexPart): boolean {
  return index.replicaIdentity && !source.uniqueIndexes.some(({ primary }) => primary);
}

function indexesOf(context: DdlContext, table: AssignedTable): IndexPart[] {
  return context.parts.indexes.filter((index) => index.table === table.source.oid);
}

function claimName(context: DdlContext, table: AssignedTable, index: IndexPart): string {
  return context.relationNames.claim(table.target.schema, index.name, table.source.schema);
}

function createIndex(context: DdlContext, table: AssignedTable, index: IndexPart, name: string): Ddl {
  const needs = context.obstacle('pg_class', index.oid);
  if (needs !== undefined) {
    const left = leftPart(table, `the index ${index.name}`, needs);
    return { statements: [sqlComment(left.reason)], left: [left] };
  }
  const create = index.unique ? 'CREATE UNIQUE INDEX' : 'CREATE INDEX';
  const rest = context.rebind(index.definition.slice(index.head.length));
  return { statements: [`${create} IF NOT EXISTS ${quoteIdentifier(name)} ON ${rest}`], left: [] };
}
