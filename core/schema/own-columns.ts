import type { SyntaxNode } from './grammar.js';
import { nodesOf, stringsOf } from './syntax.js';

/**
 * Columns of its table that a part of it needs: a key, index, check, statistics, trigger, or a grant of columns. None of
 * what may have queries of other tables, as policies and rules do.
 */
export function ownColumns(kind: string, node: Readonly<SyntaxNode>): string[] {
  const parts = PARTS[kind]?.(node);
  if (!parts) return [];
  const { names = [], expressions } = parts;
  const elements = ['IndexElem', 'StatsElem'].flatMap((element) => nodesOf(expressions, element));
  const named = elements.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  const read = nodesOf(expressions, 'ColumnRef').flatMap(({ fields }) => stringsOf(fields).slice(-1));
  return [...new Set([...names.flatMap(stringsOf), ...named, ...read])];
}

interface Parts {
  /** Lists of strings. */
  readonly names?: readonly unknown[];
  readonly expressions?: unknown;
}

const PARTS: Readonly<Record<string, (node: Readonly<SyntaxNode>) => Parts>> = {
  Constraint: (node) => ({
    names: [node.keys, node.fk_attrs, node.including],
    expressions: [node.raw_expr, node.exclusions, node.where_clause],
  }),
  IndexStmt: (node) => ({ expressions: [node.indexParams, node.indexIncludingParams, node.whereClause] }),
  CreateStatsStmt: (node) => ({ expressions: node.exprs }),
  CreateTrigStmt: (node) => ({ names: [node.columns], expressions: node.whenClause }),
  GrantStmt: (node) => ({ names: nodesOf(node.privileges, 'AccessPriv').map(({ cols }) => cols) }),
};
