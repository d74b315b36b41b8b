import type { ScopeItem } from './column-scope.js';
import { type ColumnWalk, newName, renameColumns, renameNamed, renameStrings } from './column-walk.js';
import type { SyntaxNode } from './grammar.js';
import { isNode, itemsOf, nodesOf } from './syntax.js';

/** What a statement says about a table's own columns. */
interface Subject {
  /** The table. */
  readonly item: ScopeItem;
  readonly walk: ColumnWalk;
}

/**
 * Renames the columns of the table that a statement is about: an index of it, a policy on it, one of its constraints.
 * @param statement its one field is the kind.
 */
export function renameSubjectColumns(statement: SyntaxNode, subject: Subject): void {
  for (const [kind, node] of Object.entries(statement)) BY_KIND[kind]?.(node as SyntaxNode, subject);
}

const only = ({ item }: Subject) => [{ items: [item], withs: new Map() }];

/** Triggers and rules know rows by these names. */
const newAndOld = ({ item }: Subject) => [
  { items: ['new', 'old'].map((alias) => ({ ...item, alias, newAlias: alias })), withs: new Map() },
];

const BY_KIND: Readonly<Record<string, (node: SyntaxNode, subject: Subject) => void>> = {
  CreateStmt(node, subject) {
    for (const element of itemsOf(node.tableElts)) renameElement(element, subject);
    renameNamed(itemsOf((node.partspec as SyntaxNode | undefined)?.partParams), 'PartitionElem', subject);
    renameColumns(node.partspec, only(subject), subject.walk);
  },
  AlterTableStmt(node, subject) {
    for (const entry of itemsOf(node.cmds)) renameInCommand(entry.AlterTableCmd as SyntaxNode, subject);
  },
  IndexStmt(node, subject) {
    for (const list of [node.indexParams, node.indexIncludingParams]) {
      renameNamed(itemsOf(list), 'IndexElem', subject);
      renameColumns(list, only(subject), subject.walk);
    }
    renameColumns(node.whereClause, only(subject), subject.walk);
  },
  CreateStatsStmt(node, subject) {
    renameNamed(itemsOf(node.exprs), 'StatsElem', subject);
    renameColumns(node.exprs, only(subject), subject.walk);
  },
  CreatePolicyStmt: (node, subject) => renameColumns([node.qual, node.with_check], only(subject), subject.walk),
  CreateTrigStmt(node, subject) {
    renameStrings(node.columns, subject);
    renameColumns(node.whenClause, newAndOld(subject), subject.walk);
  },
  RuleStmt: (node, subject) => renameColumns([node.whereClause, node.actions], newAndOld(subject), subject.walk),
  GrantStmt(node, subject) {
    for (const { AccessPriv } of itemsOf(node.privileges)) renameStrings((AccessPriv as SyntaxNode).cols, subject);
  },
  CreatePublicationStmt: renameInPublication,
  AlterPublicationStmt: renameInPublication,
};

function renameInPublication(node: SyntaxNode, subject: Subject): void {
  for (const entry of itemsOf(node.pubobjects)) {
    const table = (entry.PublicationObjSpec as SyntaxNode).pubtable;
    if (!isNode(table)) continue;
    renameStrings(table.columns, subject);
    renameColumns(table.whereClause, only(subject), subject.walk);
  }
}

function renameElement(element: SyntaxNode, subject: Subject): void {
  if (isNode(element.Constraint)) renameInConstraint(element.Constraint, subject);
  if (!isNode(element.ColumnDef)) return;
  const column = element.ColumnDef;
  const to = newName(subject.item, column.colname as string, subject.walk);
  if (to !== undefined) {
    const at = (column.location as number | undefined) ?? 0;
    subject.walk.edits.push({ at, from: [column.colname as string], to: [to] });
    column.colname = to;
  }
  for (const constraint of nodesOf(column.constraints, 'Constraint')) renameInConstraint(constraint, subject);
}

/** Commands that name something else than a column, such as a constraint. */
const NAMES_NO_COLUMN =
  /Constraint|Trig|Rule|ClusterOn|ReplicaIdentity|Owner|TableSpace|RelOptions|Partition|Inherit|RowSecurity/;

function renameInCommand(command: SyntaxNode, subject: Subject): void {
  const { name, subtype, def } = command;
  if (typeof name === 'string' && !NAMES_NO_COLUMN.test(String(subtype))) {
    const to = newName(subject.item, name, subject.walk);
    if (to !== undefined) {
      subject.walk.edits.push({ from: [name], to: [to] });
      command.name = to;
    }
  }
  if (!isNode(def)) return;
  if (isNode(def.Constraint)) renameInConstraint(def.Constraint, subject);
  else renameColumns(def, only(subject), subject.walk);
}

function renameInConstraint(constraint: SyntaxNode, subject: Subject): void {
  const { walk } = subject;
  for (const field of ['keys', 'fk_attrs', 'including', 'fk_del_set_cols']) renameStrings(constraint[field], subject);
  renameColumns([constraint.raw_expr, constraint.where_clause], only(subject), walk);
  renameNamed(
    nodesOf(constraint.exclusions, 'IndexElem').map((IndexElem) => ({ IndexElem })),
    'IndexElem',
    subject,
  );
  renameColumns(constraint.exclusions, only(subject), walk);
  if (!isNode(constraint.pktable)) return;
  const { schemaname, relname } = constraint.pktable as { schemaname?: string; relname: string };
  const table = walk.names.columns(schemaname, relname);
  renameStrings(constraint.pk_attrs, { item: { alias: relname, ...(table ? { table } : {}) }, walk });
}
