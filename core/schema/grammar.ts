/** A node of PostgreSQL's syntax tree, as libpg-query writes it: what is false, zero or empty is absent. */
export type SyntaxNode = { [field: string]: unknown };

/** One statement as PostgreSQL's own grammar reads it. */
export interface ParsedStatement {
  /** `CreateStmt`, `CopyStmt` ... */
  readonly kind: string;
  readonly node: Readonly<SyntaxNode>;
  /** Where it starts and ends in the text, in characters; comments before it and the semicolon behind it left out. */
  readonly start: number;
  readonly end: number;
}

export interface SyntaxFailure {
  readonly message: string;
  /** In characters. */
  readonly at: number;
}

export type Parsed =
  | { readonly statements: readonly ParsedStatement[]; readonly failure?: undefined }
  | { readonly statements?: undefined; readonly failure: SyntaxFailure };

/** A word, a sign or a constant of SQL; comments are none. */
export interface Token {
  readonly text: string;
  /** In characters. */
  readonly start: number;
  readonly end: number;
  /** Of `start`, in bytes of UTF-8: what the tree's places count. */
  readonly byte: number;
}

/** PostgreSQL's grammar, for who has no server and no library. */
export interface Grammar {
  parse(sql: string): Parsed;
  tokens(sql: string): readonly Token[];
  /** The tree of the one PL/pgSQL function that a CREATE FUNCTION makes. @throws Error with what is wrong in its body. */
  parsePlpgsql(createFunction: string): unknown;
  /** A statement as text; undefined where that does not read back as the same tree. */
  deparse(statement: SyntaxNode): string | undefined;
  /** A name for SQL, in quotes where it needs them. */
  identifier(name: string): string;
  /** A string constant for SQL. */
  literal(text: string): string;
}
