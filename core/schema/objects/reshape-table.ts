import type { ColumnRule, StepName } from '../../mapping/column-rule.js';
import { targetColumn } from '../../mapping.js';
import type { SyntaxNode } from '../grammar.js';
import type { DumpStatement } from '../inventory.js';
import { labelOf } from '../label.js';
import type { Mover, SubjectTable } from '../mover.js';
import { isNode, itemsOf, nodesOf, stringsOf } from '../syntax.js';

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
  const sources = new Map(object.columns!.map((column) => [targetColumn(mapping, column), column]));
  // It stands where the source's column of that name would.
  const casts = rules.flatMap(({ name, rule }) =>
    sources.has(name) && rule.cast ? [[sources.get(name)!, rule.cast] as const] : [],
  );
  const kept = reshaped(statement, { dropped: new Set(dropped), casts: new Map(casts) }, mover);
  if (!kept) return [];
  const made = rules.filter(({ name }) => !sources.has(name));
  return [kept, ...made.flatMap((column) => added(statement, column, mover))];
}

interface RuleColumn {
  readonly name: string;
  readonly rule: ColumnRule;
}

interface Shape {
  readonly dropped: ReadonlySet<string>;
  /** Source column -> the type that it gets. */
  readonly casts: ReadonlyMap<string, string>;
}

/** Takes columns out of a CREATE TABLE, and what computes with them; gives others another type. */
function reshaped(statement: DumpStatement, { dropped, casts }: Shape, mover: Mover): DumpStatement | undefined {
  if (dropped.size === 0 && casts.size === 0) return statement;
  const node = structuredClone(statement.node) as SyntaxNode;
  const names = (part: unknown) =>
    nodesOf(part, 'ColumnRef').some(({ fields }) => dropped.has(stringsOf(fields).at(-1) ?? ''));
  node.tableElts = itemsOf(node.tableElts).filter(({ ColumnDef, Constraint }) => {
    if (isNode(ColumnDef) && dropped.has(ColumnDef.colname as string)) return false;
    if (!isNode(Constraint) || !names(Constraint)) return true;
    mover.leave(statement, `constraint ${Constraint.conname} of ${labelOf(statement)}`, NAMES_DROPPED, CHECK);
    return false;
  });
  for (const column of nodesOf(node.tableElts, 'ColumnDef')) {
    const cast = casts.get(column.colname as string);
    const type = cast === undefined ? undefined : typeNamed(cast, mover);
    if (type) column.typeName = type;
    const own = itemsOf(column.constraints);
    // A default is one of the old type.
    const left = own.filter((one) => !names(one) && !(type && isDefault(one)));
    if (left.length === own.length) continue;
    if (left.length > 0) column.constraints = left;
    else delete column.constraints;
    mover.look(statement, `column ${column.colname} of ${labelOf(statement)}`, LOST_EXPRESSION, CHECK);
  }
  const sql = mover.grammar.deparse({ [statement.kind]: node });
  if (sql !== undefined) return { ...statement, node, sql };
  mover.leave(statement, labelOf(statement), 'it cannot be written with the columns that it has in the target', CHECK);
  return undefined;
}

const isDefault = (one: SyntaxNode): boolean => isNode(one.Constraint) && one.Constraint.contype === 'CONSTR_DEFAULT';

function typeNamed(type: string, { grammar }: Mover): unknown {
  const [read] = grammar.parse(`ALTER TABLE t ADD COLUMN c ${type}`).statements ?? [];
  return nodesOf(read?.node, 'ColumnDef')[0]?.typeName;
}

const NAMES_DROPPED = 'it computes with a column that does not move';
const LOST_EXPRESSION =
  'its default or expression is of another type, or computes with a column that does not move: it has none';
const CHECK = 'Write it by hand, with the columns that the target has.';

/** A column that a rule makes. */
function added(statement: DumpStatement, column: RuleColumn, mover: Mover): DumpStatement[] {
  const { schemaname, relname } = statement.node.relation as { schemaname: string; relname: string };
  const table = mover.name({ schema: schemaname, name: relname });
  const name = mover.grammar.identifier(column.name);
  const add = (type: string) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${name} ${type}`;
  const like = sourceType(statement, column);
  const sql = like ? withType(add('text'), like, mover) : add(column.rule.cast ?? typeOf(column.rule));
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
  const isPlain = (rule.steps ?? []).every((step) => KEEPS_TYPE.has(stepName(step)));
  const from = rule.from ?? rule.coalesce?.[0];
  if (rule.cast !== undefined || !isPlain || from === undefined) return undefined;
  return nodesOf(node.tableElts, 'ColumnDef').find(({ colname }) => colname === from)?.typeName;
}

function withType(sql: string, typeName: unknown, { grammar }: Mover): string | undefined {
  const [read] = grammar.parse(sql).statements ?? [];
  const statement = structuredClone({ [read!.kind]: read!.node }) as SyntaxNode;
  for (const column of nodesOf(statement, 'ColumnDef')) column.typeName = typeName;
  return grammar.deparse(statement);
}

const stepName = (step: object): StepName => Object.keys(step).find((key) => key !== 'else') as StepName;
const KEEPS_TYPE: ReadonlySet<string> = new Set(['nullif', 'default']);

/** The type of what a rule makes, where it makes something of its own. */
function typeOf({ object, uuid, steps = [] }: ColumnRule): string {
  const last = steps.findLast((step) => !KEEPS_TYPE.has(stepName(step)));
  if (last) return last.split === undefined ? 'text' : 'text[]';
  if (object) return 'jsonb';
  return uuid ? 'uuid' : 'text';
}
