import type { Scope } from './column-scope.js';
import { type ColumnWalk, renameColumns } from './column-walk.js';
import type { Grammar, SyntaxNode } from './grammar.js';
import { renameObjects } from './name-walk.js';
import type { Names } from './names.js';
import { type Cut, cutsOf, type Edit, joined } from './splice.js';
import { canonical } from './syntax.js';

/** What moving SQL comes to. */
export interface MovedSql {
  /** Undefined where it cannot be moved. */
  readonly sql?: string;
  /** Where the text was changed. */
  readonly cuts?: readonly Cut[];
  /** Why it cannot. */
  readonly problems: readonly string[];
  /** What a person should look at though it was moved. */
  readonly remarks: readonly string[];
}

export interface Moving {
  readonly names: Names;
  readonly grammar: Grammar;
}

/**
 * Moves the statements of a text: names of objects and of columns.
 * @param scope what is known of columns beside what the statements themselves say.
 */
export function moveSql(sql: string, scope: Scope, moving: Moving): MovedSql {
  return moveParsed(sql, moving, (statements, walk) => renameColumns(statements, scope, walk));
}

/**
 * Renames in the tree, and the same in the text. The text is trusted only when it reads as that tree.
 * @param columns the part that renames columns; it may add edits for more than that.
 */
export function moveParsed(
  sql: string,
  { names, grammar }: Moving,
  columns: (statements: SyntaxNode[], walk: ColumnWalk) => void,
): MovedSql {
  const { statements, failure } = grammar.parse(sql);
  if (failure) return { problems: [`it is not understood: ${failure.message}`], remarks: [] };
  const moved = statements.map(({ kind, node }) => structuredClone({ [kind]: node }) as SyntaxNode);
  const walk: ColumnWalk = { names, edits: [], problems: [], remarks: [] };
  columns(moved, walk);
  const edits: Edit[] = [...walk.edits, ...moved.flatMap((statement) => renameObjects(statement, names, grammar))];
  const { problems, remarks } = walk;
  if (problems.length > 0) return { problems, remarks };
  const cuts = cutsOf(sql, edits, { tokens: grammar.tokens(sql), identifier: grammar.identifier });
  const text = cuts && joined(sql, cuts);
  if (text !== undefined && readsAs(text, moved, grammar)) return { sql: text, cuts, problems, remarks };
  const written = moved.length === 1 ? grammar.deparse(moved[0]!) : undefined;
  if (written !== undefined) return { sql: written, problems, remarks };
  return { problems: ['its new names cannot be written for certain'], remarks };
}

function readsAs(sql: string, statements: readonly SyntaxNode[], grammar: Grammar): boolean {
  const read = grammar.parse(sql).statements ?? [];
  return canonical(read.map(({ kind, node }) => ({ [kind]: node }))) === canonical(statements);
}
