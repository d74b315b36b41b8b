/** A schema-qualified name, unquoted, exactly as the catalog holds it. */
export interface QualifiedName {
  readonly schema: string;
  readonly table: string;
}

export interface Column {
  readonly name: string;
  /** OID of the source's type. */
  readonly type: number;
  /** `atttypmod`, -1 when none. */
  readonly typmod: number;
  /** Part of the key that identifies a row. */
  readonly key: boolean;
  /** Absent where the catalog had moved on before capture could ask. */
  readonly declared?: DeclaredColumn;
}

/** What the source's catalog says of a column and pgoutput does not: how a change of the table is told and repeated. */
export interface DeclaredColumn {
  readonly attnum: number;
  /** As `format_type` writes it. */
  readonly type: string;
  readonly notNull?: true;
  /** Part of the primary key, where that tells rows apart at every moment: pgoutput does not say which it is under replica identity full. */
  readonly inKey?: true;
  /** What rows have that were there before the column, as text: of `ADD COLUMN ... DEFAULT <constant>`. */
  readonly missing?: string;
  /** Rows that were there before the column may have values that the stream never carries. */
  readonly computed?: true;
}

/** `pg_class.relreplident`: default, nothing, full, index. */
export type ReplicaIdentity = 'd' | 'n' | 'f' | 'i';

/**
 * One version of a table's shape. It travels in every record that carries its rows, ahead of them, so that a record
 * can be read without any other.
 */
export interface Relation extends QualifiedName {
  /** The source table's OID; rows refer to their relation by it. */
  readonly id: number;
  readonly identity: ReplicaIdentity;
  readonly columns: readonly Column[];
  /**
   * The source table, `schema.table`, as the mapping names it and the ledger counts the rows under. In a domain topic
   * always; in the raw topic where the source calls the table otherwise now.
   */
  readonly source?: string;
  /** What the source calls the table, where the mapping has another name for it. */
  readonly called?: string;
}

/** `schema.table` for people, logs and ledger keys; never for SQL (quote with the driver's escapeIdentifier). */
export function displayName(name: QualifiedName): string {
  return `${name.schema}.${name.table}`;
}

/** The source table's name that mapping, ledger and states go by. */
export function sourceName(relation: Pick<Relation, 'schema' | 'table' | 'source'>): string {
  return relation.source ?? displayName(relation);
}

/**
 * Reads `schema.table`; a part that holds a dot is written in double quotes (`"my.schema"."my.table"`).
 * @returns undefined when the text has not exactly two parts.
 */
export function parseQualifiedName(text: string): QualifiedName | undefined {
  const match = /^(?:"((?:[^"]|"")+)"|([^."]+))\.(?:"((?:[^"]|"")+)"|([^."]+))$/.exec(text);
  if (!match) return undefined;
  const unquote = (quoted: string | undefined, plain: string | undefined) => quoted?.replaceAll('""', '"') ?? plain!;
  return { schema: unquote(match[1], match[2]), table: unquote(match[3], match[4]) };
}

/** The inverse of {@link parseQualifiedName}: quotes a part only where it must. */
export function formatQualifiedName(name: QualifiedName): string {
  const part = (text: string) => (/[."]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `${part(name.schema)}.${part(name.table)}`;
}

/** Indexes of the key columns, in column order. */
export function keyIndexes(relation: Pick<Relation, 'columns'>): number[] {
  return relation.columns.flatMap((column, index) => (column.key ? [index] : []));
}

/** Whether two versions of a table have the same columns, in whichever order. */
export function hasSameColumns({ columns: some }: Relation, { columns: others }: Relation): boolean {
  const typed = ({ name, type, typmod }: Column) => `${name} ${type} ${typmod}`;
  return some.map(typed).sort().join('\n') === others.map(typed).sort().join('\n');
}
