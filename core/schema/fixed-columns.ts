import { onlyValues } from '../mapping/demands.js';
import type { TableMapping } from '../mapping.js';
import type { SyntaxNode } from './grammar.js';
import type { DumpStatement } from './inventory.js';
import type { Mover, SubjectTable } from './mover.js';
import { isNode, itemsOf, nodesOf, setStrings, stringsOf } from './syntax.js';

/** Columns that stay behind because `where` gives them one value: what is left of a key tells the rows apart. */
export function fixedColumns(mapping: TableMapping | undefined, isThere: (column: string) => boolean): Set<string> {
  const values = onlyValues(mapping?.rules?.where?.condition);
  return new Set([...values.keys()].filter((column) => !isThere(column)));
}

export function fixedAt(subject: SubjectTable, mover: Mover): Set<string> {
  return fixedColumns(mover.mappingOf(subject), (column) => mover.columnAt(subject, column) !== undefined);
}

/** A key or index without them. */
export function withoutFixed(statement: DumpStatement, subject: SubjectTable, mover: Mover): DumpStatement {
  const fixed = fixedAt(subject, mover);
  if (fixed.size === 0) return statement;
  const node = structuredClone(statement.node) as SyntaxNode;
  const isLessened = statement.kind === 'IndexStmt' ? lessenIndex(node, fixed) : lessenKey(node, fixed);
  const sql = isLessened ? mover.grammar.deparse({ [statement.kind]: node }) : undefined;
  return sql === undefined ? statement : { ...statement, node, sql };
}

function lessenIndex(node: SyntaxNode, fixed: ReadonlySet<string>): boolean {
  const all = itemsOf(node.indexParams);
  const kept = all.filter(({ IndexElem }) => !(isNode(IndexElem) && fixed.has(String(IndexElem.name))));
  if (kept.length === 0 || kept.length === all.length) return false;
  node.indexParams = kept;
  return true;
}

function lessenKey(node: SyntaxNode, fixed: ReadonlySet<string>): boolean {
  const [constraint] = nodesOf(node.cmds, 'Constraint');
  const all = stringsOf(constraint?.keys);
  const kept = all.filter((column) => !fixed.has(column));
  if (!constraint || kept.length === 0 || kept.length === all.length) return false;
  setStrings(constraint, 'keys', kept);
  return true;
}
