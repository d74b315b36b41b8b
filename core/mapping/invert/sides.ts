import type { TableMapping } from '../../mapping.js';
import type { Column, QualifiedName, ReplicaIdentity } from '../../relation.js';

/** What a column's values are: domains resolved, and named so that both databases mean the same by it. */
export interface ValueType {
  /** In its own database. */
  readonly oid: number;
  readonly name: string;
  /** `atttypmod`, -1 when none; of an array its elements'. */
  readonly typmod: number;
  /** Of an enum. */
  readonly labels?: readonly string[];
  /** Of an array. */
  readonly element?: ValueType;
}

/** A column as a database's catalog has it. */
export interface SideColumn extends Pick<Column, 'name' | 'type' | 'typmod' | 'key'> {
  /** Its type as SQL. */
  readonly typeText: string;
  readonly values: ValueType;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
}

export interface SideTable {
  readonly identity: ReplicaIdentity;
  readonly columns: readonly SideColumn[];
}

/** A mapping between two tables that are there: `source` in the old project, `target` in the new one. */
export interface MappedSides {
  readonly mapping: TableMapping;
  readonly source: SideTable;
  readonly target: SideTable;
  /** Of a table with lineage: where the new project has its candidates. */
  readonly candidates?: QualifiedName;
}

export function sideColumn({ columns }: SideTable, name: string): SideColumn | undefined {
  return columns.find((column) => column.name === name);
}

/** Columns whose values travel: of a generated one each database makes its own. */
export function travelling({ columns }: SideTable): readonly SideColumn[] {
  return columns.filter(({ isGenerated }) => !isGenerated);
}
