import { displayName, type QualifiedName, type ReplicaIdentity } from '../../../core/relation.js';

/** What preflight and `init` need to know of a database, as its catalog says it. */
export interface Catalog {
  /** Tables, views and foreign tables outside the system schemas, by `schema.table`. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** Every type, by OID. */
  readonly types: ReadonlyMap<number, CatalogType>;
}

export interface CatalogTable extends QualifiedName {
  readonly oid: number;
  /** `relkind`: r table, p partitioned table, v view, m materialized view, f foreign table. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f';
  /** `relpersistence`: p permanent, u unlogged, t temporary. */
  readonly persistence: 'p' | 'u' | 't';
  readonly identity: ReplicaIdentity;
  /** The planner's estimate; null when the table was never analyzed. */
  readonly estimatedRows: number | null;
  /** The partitioned table that this is a partition of, `schema.table`. */
  readonly partitionOf: string | null;
  readonly hasInheritingTables: boolean;
  /** The extension that the table belongs to. */
  readonly extension: string | null;
  /** Our role owns it, or is a member of the role that does. */
  readonly owned: boolean;
  /** Row-level security hides rows of this table from our role. */
  readonly rowSecurityActive: boolean;
  /** Our role may use the schema. */
  readonly schemaUsage: boolean;
  /** SELECT, INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER: those that our role has. */
  readonly privileges: readonly string[];
  readonly columns: readonly CatalogColumn[];
  readonly uniqueIndexes: readonly CatalogIndex[];
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: number;
  readonly typmod: number;
  /** The type as SQL, with a qualified name where it is not built in. */
  readonly typeText: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** s stored, v virtual, empty for an ordinary column. */
  readonly generated: '' | 's' | 'v';
  /** a ALWAYS, d BY DEFAULT, empty for none. */
  readonly identity: '' | 'a' | 'd';
  /** The collation's name and provider, the database's own where it is the default; null for types without one. */
  readonly collation: string | null;
}

/** A unique index. */
export interface CatalogIndex {
  readonly name: string;
  /** Key columns only, in index order. */
  readonly columns: readonly string[];
  readonly primary: boolean;
  /** The index of REPLICA IDENTITY USING INDEX. */
  readonly replicaIdentity: boolean;
  /** Not deferrable: neither a replica identity nor ON CONFLICT can use a deferrable one. */
  readonly immediate: boolean;
  /** Valid, neither partial nor over expressions. */
  readonly plain: boolean;
  /** Of the constraint of this name, as SQL; null for an index alone. */
  readonly definition: string | null;
}

export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `typtype`: b base, c composite, d domain, e enum, r range, m multirange, p pseudo. */
  readonly kind: 'b' | 'c' | 'd' | 'e' | 'r' | 'm' | 'p';
  /** Element type of an array, 0 for any other. */
  readonly element: number;
  /** Base type of a domain with its modifier, 0 and -1 for any other. */
  readonly base: number;
  readonly baseTypmod: number;
  /** Of an enum, in its order. */
  readonly labels: readonly string[];
  /** The composite type of a table's rows rather than one of its own. */
  readonly isRowType: boolean;
  /** Of a composite type. */
  readonly attributes: readonly { readonly name: string; readonly type: number; readonly typmod: number }[];
  /** The type that a range is over, 0 for any other. */
  readonly subtype: number;
  readonly extension: string | null;
}

export function findTable(catalog: Catalog, name: QualifiedName): CatalogTable | undefined {
  return catalog.tables.get(displayName(name));
}

/** Whether a unique index lets no two rows be equal in these columns. */
export function isUniqueIn({ uniqueIndexes }: CatalogTable, columns: readonly string[]): boolean {
  return uniqueIndexes.some((index) => index.plain && index.columns.every((name) => columns.includes(name)));
}

/** The partitions of a partitioned table that hold rows, however deep they stand. */
export function leafPartitions(catalog: Catalog, root: CatalogTable): CatalogTable[] {
  const below = [...catalog.tables.values()].filter(({ partitionOf }) => partitionOf === displayName(root));
  return below.flatMap((table) => (table.kind === 'p' ? leafPartitions(catalog, table) : [table]));
}

export function findColumn(table: CatalogTable, name: string): CatalogColumn | undefined {
  return table.columns.find((column) => column.name === name);
}
