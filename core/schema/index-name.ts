import type { SyntaxNode } from './grammar.js';
import { isNode, itemsOf } from './syntax.js';

/** A name in the tree: a field of a node. */
export interface NameField {
  readonly node: SyntaxNode;
  readonly field: string;
}

/** Where a statement about a table has the name of an index of it, or of the constraint that makes one. */
export function indexNameIn({ IndexStmt, AlterTableStmt, CommentStmt }: SyntaxNode): NameField | undefined {
  if (isNode(IndexStmt)) return { node: IndexStmt, field: 'idxname' };
  if (isNode(CommentStmt) && CommentStmt.objtype === 'OBJECT_TABCONSTRAINT') {
    return { node: itemsOf(CommentStmt.object).at(-1)!.String as SyntaxNode, field: 'sval' };
  }
  const [first] = isNode(AlterTableStmt) ? itemsOf(AlterTableStmt.cmds) : [];
  return first && indexNameInCommand(first.AlterTableCmd as SyntaxNode);
}

function indexNameInCommand(command: SyntaxNode): NameField | undefined {
  const { subtype, def } = command;
  if (subtype === 'AT_ClusterOn') return { node: command, field: 'name' };
  if (!isNode(def)) return undefined;
  if (isNode(def.ReplicaIdentityStmt)) return { node: def.ReplicaIdentityStmt, field: 'name' };
  return isNode(def.Constraint) ? { node: def.Constraint, field: 'conname' } : undefined;
}
