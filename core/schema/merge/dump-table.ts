import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, rangePlace } from '../inventory.js';
import { type Place, samePlace } from '../names.js';
import { isNode, itemsOf, nodesOf, stringsOf } from '../syntax.js';

/** A table as the dump makes it. */
export interface DumpTable {
  /** CREATE TABLE. */
  readonly statement: DumpStatement;
  readonly columns: ReadonlyMap<string, SyntaxNode>;
  /** Of the table, wherever the dump says them. */
  readonly constraints: readonly TableConstraint[];
  /** Columns that have a default, wherever the dump says it. */
  readonly defaults: ReadonlySet<string>;
}

export interface TableConstraint {
  readonly node: SyntaxNode;
  readonly statement: DumpStatement;
}

export function dumpTable(statements: readonly DumpStatement[], place: Place): DumpTable | undefined {
  const own = statements.filter(
    ({ kind, node }) =>
      (kind === 'CreateStmt' || kind === 'AlterTableStmt') &&
      isNode(node.relation) &&
      samePlace(rangePlace(node.relation), place),
  );
  const statement = own.find(({ kind }) => kind === 'CreateStmt');
  if (!statement) return undefined;
  const columns = itemsOf(statement.node.tableElts).flatMap(({ ColumnDef }) =>
    isNode(ColumnDef) ? [[ColumnDef.colname as string, ColumnDef] as const] : [],
  );
  const inline = columns.flatMap(([name, column]) => (says(column, 'CONSTR_DEFAULT') ? [name] : []));
  const defaults = new Set([...inline, ...own.flatMap(defaultsIn)]);
  return { statement, columns: new Map(columns), constraints: own.flatMap(constraintsIn), defaults };
}

/** Those of counted columns stand behind their tables, for they name sequences. */
function defaultsIn({ node }: DumpStatement): string[] {
  return itemsOf(node.cmds).flatMap(({ AlterTableCmd }) => {
    const { subtype, def, name } = AlterTableCmd as SyntaxNode;
    return subtype === 'AT_ColumnDefault' && def !== undefined ? [name as string] : [];
  });
}

function constraintsIn(statement: DumpStatement): TableConstraint[] {
  const { kind, node } = statement;
  const parts =
    kind === 'CreateStmt'
      ? itemsOf(node.tableElts)
      : itemsOf(node.cmds).flatMap(({ AlterTableCmd }) => {
          const { subtype, def } = AlterTableCmd as SyntaxNode;
          return subtype === 'AT_AddConstraint' && isNode(def) ? [def] : [];
        });
  return parts.flatMap(({ Constraint }) => (isNode(Constraint) ? [{ node: Constraint, statement }] : []));
}

/** Columns of the constraints of a kind, each in its order. */
export function keysOf({ constraints }: DumpTable, contype: 'CONSTR_PRIMARY' | 'CONSTR_UNIQUE'): string[][] {
  return constraints.filter(({ node }) => node.contype === contype).map(({ node }) => stringsOf(node.keys));
}

export function isNotNull(table: DumpTable, column: string): boolean {
  const [primary = []] = keysOf(table, 'CONSTR_PRIMARY');
  return primary.includes(column) || hasConstraint(table, column, 'CONSTR_NOTNULL');
}

/** Its values are computed, and do not travel. */
export function isGenerated(table: DumpTable, column: string): boolean {
  return hasConstraint(table, column, 'CONSTR_GENERATED');
}

function hasConstraint({ columns }: DumpTable, column: string, contype: string): boolean {
  return says(columns.get(column), contype);
}

const says = (column: SyntaxNode | undefined, contype: string): boolean =>
  nodesOf(column?.constraints, 'Constraint').some((one) => one.contype === contype);
