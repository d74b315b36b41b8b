/**
 * The parts that the DDL of the mapped tables is made of. Every SQL text was deparsed by the server under an empty
 * search_path.
 */
export interface SourceParts {
  readonly columns: readonly ColumnPart[];
  readonly constraints: readonly ConstraintPart[];
  readonly indexes: readonly IndexPart[];
  readonly sequences: readonly SequencePart[];
  readonly types: readonly TypePart[];
  readonly dependencies: readonly DependencyPart[];
  readonly extensions: readonly ExtensionPart[];
  readonly behaviors: readonly BehaviorPart[];
}

export interface ColumnPart {
  /** OID of the table. */
  readonly table: number;
  readonly name: string;
  readonly type: number;
  readonly typeText: string;
  /** Where it is not the type's own. */
  readonly collation: string | null;
  readonly notNull: boolean;
  readonly identity: '' | 'a' | 'd';
  readonly generated: '' | 's' | 'v';
  /** Default or generation expression. */
  readonly expression: string | null;
  /** OID of the expression, as {@link DependencyPart.object} of class `pg_attrdef`. */
  readonly expressionId: number | null;
}

export interface ConstraintPart {
  readonly oid: number;
  /** OID of the table, 0 for a constraint of a domain. */
  readonly table: number;
  /** OID of the domain, 0 for a constraint of a table. */
  readonly domain: number;
  readonly name: string;
  /** `contype`: p primary key, u unique, c check, x exclusion, f foreign key. */
  readonly kind: 'p' | 'u' | 'c' | 'x' | 'f';
  readonly definition: string;
  readonly validated: boolean;
  /** OID of the table that a foreign key refers to. */
  readonly referenced: number;
}

/** An index that no constraint owns. */
export interface IndexPart {
  readonly oid: number;
  readonly table: number;
  readonly name: string;
  /** `CREATE [UNIQUE] INDEX name ON`, as the definition begins. */
  readonly head: string;
  readonly definition: string;
  readonly unique: boolean;
  readonly replicaIdentity: boolean;
}

export interface SequencePart {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly type: string;
  /** `INCREMENT BY ... MINVALUE ...`, as both CREATE SEQUENCE and an identity column take it. */
  readonly options: string;
  /** The column that owns it; 0 and null when it stands alone. */
  readonly ownerTable: number;
  readonly ownerColumn: string | null;
  readonly isIdentity: boolean;
  /** Tables with a default that takes from it, in OID order. */
  readonly users: readonly number[];
}

/** What a domain or a composite type is made of; enums are in the catalog whole. */
export interface TypePart {
  readonly oid: number;
  /** Of a domain. */
  readonly base: string | null;
  readonly collation: string | null;
  readonly expression: string | null;
  readonly notNull: boolean;
  /** Of a composite type. */
  readonly attributes: readonly { readonly name: string; readonly type: string; readonly collation: string | null }[];
}

/** One thing that an expression, constraint, index or domain needs; pg_catalog's own are left out. */
export interface DependencyPart {
  /** Catalog of what depends: pg_attrdef, pg_constraint, pg_class (an index), pg_type (a domain). */
  readonly class: string;
  readonly object: number;
  /** Catalog and OID of what is needed, with its name for people. */
  readonly neededClass: string;
  readonly needed: number;
  readonly description: string;
  readonly extension: string | null;
}

export interface ExtensionPart {
  readonly name: string;
  readonly schema: string;
  /** Names of its types, functions and operator classes. */
  readonly members: readonly string[];
}

/** What a table does beyond holding rows; none of it is created in the target. */
export interface BehaviorPart {
  readonly table: number;
  /** `trigger x`, `policy y`, `rule z`, `row-level security`. */
  readonly things: readonly string[];
}
