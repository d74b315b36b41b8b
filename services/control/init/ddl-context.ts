import { displayName } from '../../../core/relation.js';
import type { NameBook } from '../../../core/schema/name-book.js';
import type { AssignedTable, LeftTable } from './assign-tables.js';
import type { MovedSequence } from './plan-sequences.js';
import type { SourceParts } from './source-parts.js';

/** What every part of the DDL is written with. */
export interface DdlContext {
  readonly tables: readonly AssignedTable[];
  readonly parts: SourceParts;
  readonly sequences: readonly MovedSequence[];
  /** Names of relations in the target: an index or a key's index needs one that is free. */
  readonly relationNames: NameBook;
  /** Gives what has moved its new name. */
  rebind(sql: string): string;
  /** What keeps a default, a check, an index or a domain from being created in the target; undefined for nothing. */
  obstacle(catalog: 'pg_attrdef' | 'pg_constraint' | 'pg_class' | 'pg_type', oid: number | null): string | undefined;
}

/** Statements, and what could not become one. */
export interface Ddl {
  readonly statements: readonly string[];
  readonly left: readonly LeftTable[];
}

export function concatDdl(ddls: readonly Ddl[]): Ddl {
  return { statements: ddls.flatMap((ddl) => ddl.statements), left: ddls.flatMap((ddl) => ddl.left) };
}

/** The part of a table that is not created, for the report. */
export function leftPart(table: AssignedTable, what: string, needs: string): LeftTable {
  return {
    table: displayName(table.source),
    reason: `${what} is not created in the target: it needs the ${needs}, which is not moved`,
    schema: table.target.schema,
  };
}
