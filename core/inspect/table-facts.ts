import type { QualifiedName } from '../relation.js';

/** What the proposal is made from: a table of the source, as its catalog and statistics say it. */
export interface TableFacts extends QualifiedName {
  /** `schema.table`: what everything else here calls it by. */
  readonly name: string;
  readonly columns: readonly ColumnFacts[];
  /** Columns of the primary key, or of the replica identity index; none without. */
  readonly key: readonly string[];
  /** Estimated; null where nobody knows. */
  readonly rows: number | null;
  /** Columns of each other unique index: neither partial nor over expressions. */
  readonly uniques?: readonly (readonly string[])[];
  /** Changes carry the whole old row, and do not say which columns are the key. */
  readonly isFull?: boolean;
  /** Changes name rows by another index than the primary key. */
  readonly hasOtherIdentity?: boolean;
}

export interface ColumnFacts {
  readonly name: string;
  /** As SQL, with its modifier. */
  readonly type: string;
  /** Computed by the server: its values do not travel. */
  readonly isGenerated?: boolean;
  /** As SQL. */
  readonly default?: string;
}

/** A foreign key. */
export interface Reference {
  /** `schema.table` of both sides. */
  readonly from: string;
  readonly to: string;
  readonly columns: readonly string[];
  /** What they refer to, in the same order; the key where nobody says it. */
  readonly refersTo?: readonly string[];
}

/** So that what is proposed does not hang on the order in which tables come. */
export function sortedByName(tables: readonly TableFacts[]): TableFacts[] {
  return [...tables].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
