import type { ColumnRule } from '../../mapping/column-rule.js';
import { targetColumn } from '../../mapping.js';
import type { SyntaxNode } from '../grammar.js';
import type { DumpStatement } from '../inventory.js';
import { labelOf } from '../label.js';
import type { Mover, SubjectTable } from '../mover.js';
import { ownColumns } from '../own-columns.js';
import { lastMaking, madeType } from '../rule-type.js';
import { isNode, itemsOf, nodesOf, stringsOf } from '../syntax.js';
import { typeNamed } from '../type-named.js';

/**
 * A table as the mapping wants it, in the source's names: without the columns that do not move, and with those that rules
 * make, each by a statement of its own.
 */
export function reshapeTable(statement: DumpStatement, subject: SubjectTable, mover: Mover): DumpStatement[] {
  const mapping = mover.mappingOf(subject);
  if (!mapping?.rules) return [statement];
  const object = mover.find('relation', subject.source)!;
  const { changes } = mover.plan.columnsOf(object, subject.target);
  const dropped = [...changes].flatMap(([column, to]) => (to === undefined ? [column] : []));
  const rules = [...mapping.rules.columns].map(([name, rule]) => ({ name, rule }));
  const own = new Set(object.columns!.map((column) => targetColumn(mapping, column)));
  const holds = (constraint: SyntaxNode) => !mover.standElsewhere(ownColumns('Constraint', constraint), subject);
  const shape = {
    dropped: new Set(dropped),
    types: retypedColumns(subject, mover),
    ...(dropped.length > 0 ? { holds } : {}),
  };
  const kept = reshaped(statement, shape, mover);
  if (!kept) return [];
  const made = rules.filter(({ name }) => !own.has(name));
  return [kept, ...made.flatMap((column) => added(statement, ruleColumn(statement, column, mover), mover))];
}

/** Source columns in whose place something of another type stands, and that type. */
export function retypedColumns(subject: SubjectTable, mover: Mover): ReadonlyMap<string, unknown> {
  if (mover.merges.isMerged(subject.target)) {
    const own = (mover.mergedAt(subject.target)?.columns ?? []).filter(({ isRetyped }) => isRetyped);
    return new Map(own.map(({ own: column, type }) => [column!, type.node]));
  }
  const mapping = mover.mappingOf(subject);
  const columns = mapping?.rules ? (mover.find('relation', subject.source)?.columns ?? []) : [];
  const named = columns.flatMap((column) => {
    const rule = mapping!.rules!.columns.get(targetColumn(mapping!, column));
    // A text may be of the column's own type.
    const made = rule && (rule.cast ?? (madeType(rule) === 'text' ? undefined : madeType(rule)));
    const type = made === undefined ? undefined : typeNamed(made, mover.grammar);
    return type ? [[column, type] as const] : [];
  });
  return new Map(named);
}

interface RuleColumn {
  readonly name: string;
  readonly rule: ColumnRule;
}

/** What is changed of a CREATE TABLE, by source columns. */
export interface Shape {
  readonly dropped: ReadonlySet<string>;
  /** The type that a column gets. */
  readonly types: ReadonlyMap<string, unknown>;
  /** Those that take nulls. */
  readonly nullable?: ReadonlySet<string>;
  /** Whether a constraint of the table holds; who says that it does not lists it. */
  readonly holds?: (constraint: SyntaxNode) => boolean;
}

/** Takes columns out of a CREATE TABLE, and what computes with them; gives others another type. */
export function reshaped(statement: DumpStatement, shape: Shape, mover: Mover): DumpStatement | undefined {
  const { dropped, types, nullable = new Set(), holds } = shape;
  if (dropped.size === 0 && types.size === 0 && nullable.size === 0 && !holds) return statement;
  const node = structuredClone(statement.node) as SyntaxNode;
  const names = (part: unknown) =>
    nodesOf(part, 'ColumnRef').some(({ fields }) => dropped.has(stringsOf(fields).at(-1) ?? ''));
  node.tableElts = itemsOf(node.tableElts).filter(({ ColumnDef, Constraint }) => {
    if (isNode(ColumnDef) && dropped.has(ColumnDef.colname as string)) return false;
    if (isNode(Constraint) && holds && !holds(Constraint)) return false;
    if (!isNode(Constraint) || !names(Constraint)) return true;
    mover.leave(statement, `constraint ${Constraint.conname} of ${labelOf(statement)}`, NAMES_DROPPED, CHECK);
    return false;
  });
  for (const column of nodesOf(node.tableElts, 'ColumnDef')) {
    const name = column.colname as string;
    const type = types.get(name);
    if (type) column.typeName = type;
    const own = itemsOf(column.constraints).filter((one) => !(nullable.has(name) && isOf(one, 'CONSTR_NOTNULL')));
    // A default is one of the old type.
    const left = own.filter((one) => !names(one) && !(type && isOf(one, 'CONSTR_DEFAULT')));
    if (left.length > 0) column.constraints = left;
    else delete column.constraints;
    if (left.length === own.length) continue;
    mover.look(statement, `column ${column.colname} of ${labelOf(statement)}`, LOST_EXPRESSION, CHECK);
  }
  const sql = mover.grammar.deparse({ [statement.kind]: node });
  if (sql !== undefined) return { ...statement, node, sql };
  mover.leave(statement, labelOf(statement), 'it cannot be written with the columns that it has in the target', CHECK);
  return undefined;
}

const isOf = ({ Constraint }: SyntaxNode, contype: string): boolean =>
  isNode(Constraint) && Constraint.contype === contype;

const NAMES_DROPPED = 'it computes with a column that does not move';
const LOST_EXPRESSION =
  'its default or expression is of another type, or computes with a column that does not move: it has none';
const CHECK = 'Write it by hand, with the columns that the target has.';

/** A column that the source's table has not. */
export interface AddedColumn {
  readonly name: string;
  readonly type: unknown;
  readonly isNotNull?: boolean;
}

/** A column that a rule makes. */
function ruleColumn(statement: DumpStatement, { name, rule }: RuleColumn, { grammar }: Mover): AddedColumn {
  return { name, type: sourceType(statement, { name, rule }) ?? typeNamed(rule.cast ?? madeType(rule), grammar) };
}

/** ALTER TABLE ... ADD COLUMN; nothing where its type cannot be written. */
export function added(statement: DumpStatement, column: AddedColumn, mover: Mover): DumpStatement[] {
  const { schemaname, relname } = statement.node.relation as { schemaname: string; relname: string };
  const table = mover.name({ schema: schemaname, name: relname });
  const name = mover.grammar.identifier(column.name);
  const add = `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${name} text${column.isNotNull ? ' NOT NULL' : ''}`;
  const sql = column.type ? withType(add, column.type, mover) : undefined;
  return parsed(statement, { sql, column: column.name }, mover);
}

function parsed(
  statement: DumpStatement,
  { sql, column }: { readonly sql: string | undefined; readonly column: string },
  mover: Mover,
): DumpStatement[] {
  const [read] = sql === undefined ? [] : (mover.grammar.parse(sql).statements ?? []);
  if (sql !== undefined && read) return [{ kind: read.kind, node: read.node, sql, line: statement.line }];
  mover.leave(statement, `column ${column} of ${labelOf(statement)}`, 'its type cannot be written', 'Add it by hand.');
  return [];
}

/** The column whose values a rule gives on as they are. */
function sourceType({ node }: DumpStatement, { rule }: RuleColumn): unknown {
  const from = rule.from ?? rule.coalesce?.[0];
  if (rule.cast !== undefined || lastMaking(rule) || from === undefined) return undefined;
  return nodesOf(node.tableElts, 'ColumnDef').find(({ colname }) => colname === from)?.typeName;
}

function withType(sql: string, typeName: unknown, { grammar }: Mover): string | undefined {
  const [read] = grammar.parse(sql).statements ?? [];
  const statement = structuredClone({ [read!.kind]: read!.node }) as SyntaxNode;
  for (const column of nodesOf(statement, 'ColumnDef')) column.typeName = typeName;
  return grammar.deparse(statement);
}
