import { isNode } from './syntax.js';

/** SQL inside of a PL/pgSQL body, as the tree has it. */
export interface PlpgsqlExpression {
  /** The body's own text; where INTO stood in it are as many blanks, and PERFORM is SELECT. */
  readonly query: string;
  readonly isPerform: boolean;
  /** What it is: a statement, an expression, an assignment. */
  readonly kind: 'statement' | 'expression' | 'assignment';
  /** Of the statement that it stands in, in the body, from 1 on. */
  readonly line: number;
}

export interface PlpgsqlTree {
  /** In the tree's order, which is nearly the text's. */
  readonly expressions: readonly PlpgsqlExpression[];
  /** Lines of the body with SQL that is put together at run time. */
  readonly dynamicLines: readonly number[];
}

/** What libpg-query gives for a function, reduced to what names stand in. */
export function plpgsqlTree(parsed: unknown): PlpgsqlTree {
  const expressions: PlpgsqlExpression[] = [];
  const dynamicLines: number[] = [];
  const visit = (value: unknown, line: number, isPerform = false): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, line);
      return;
    }
    if (!isNode(value)) return;
    const own = typeof value.lineno === 'number' ? value.lineno : line;
    for (const [kind, inner] of Object.entries(value)) {
      if (!isNode(inner)) visit(inner, own);
      else if (kind === 'PLpgSQL_expr') {
        const kindOf = KINDS[Number(inner.parseMode ?? 0)] ?? 'assignment';
        expressions.push({ query: String(inner.query), kind: kindOf, line: own, isPerform });
      } else {
        const at = typeof inner.lineno === 'number' ? inner.lineno : own;
        if (DYNAMIC.has(kind) || isNode(inner.dynquery)) dynamicLines.push(at);
        visit(inner, own, kind === 'PLpgSQL_stmt_perform' || (isPerform && kind === 'expr'));
      }
    }
  };
  visit(parsed, 1);
  return { expressions, dynamicLines: [...new Set(dynamicLines)] };
}

/** RawParseMode of PostgreSQL; assignments have one each for how many parts stand before `:=`. */
const KINDS: Readonly<Record<number, PlpgsqlExpression['kind']>> = { 0: 'statement', 2: 'expression' };

const DYNAMIC = new Set(['PLpgSQL_stmt_dynexecute', 'PLpgSQL_stmt_dynfors']);
