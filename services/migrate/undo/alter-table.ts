import type { AlterTableCmd, ColumnDef, Constraint, CreateStmt, Node, RangeVar } from 'libpg-query';
import { deparseSync } from 'pgsql-deparser';
import { FerryError } from '../../../core/errors.js';

/**
 * What makes a table as it is into the table as it was, of the two CREATE TABLE of a dump.
 * @returns undefined when there is nothing to do.
 * @throws FerryError `migrations-refused` about what cannot be had without a person: another type, another partitioning.
 */
export function alterTableBack(is: CreateStmt, was: CreateStmt): Node | undefined {
  const name = nameOf(is.relation!);
  if (bare(is) !== bare(was)) throw refuse(name, 'it is made in another way (partitions, parents, persistence)');
  const [columns, before] = [is, was].map((table) => new Map(columnsOf(table).map((one) => [one.colname!, one])));
  const [checks, checksBefore] = [is, was].map((table) => new Map(checksOf(table).map((one) => [one.conname!, one])));
  const commands: AlterTableCmd[] = [
    ...[...checks!.keys()].filter((key) => !isSame(checks!, checksBefore!, key)).map(dropConstraint),
    ...[...columns!.keys()].filter((key) => !before!.has(key)).map(dropColumn),
    ...[...before!.values()].filter(({ colname }) => !columns!.has(colname!)).map(addColumn),
    ...[...before!.values()].flatMap((one) => {
      const now = columns!.get(one.colname!);
      return now ? changeColumn(name, now, one) : [];
    }),
    ...[...checksBefore!.values()]
      .filter(({ conname }) => !isSame(checks!, checksBefore!, conname!))
      .map(addConstraint),
  ];
  if (commands.length === 0) return undefined;
  const cmds = commands.map((command) => ({ AlterTableCmd: command }) as Node);
  return { AlterTableStmt: { relation: is.relation, cmds, objtype: 'OBJECT_TABLE' } } as Node;
}

const nameOf = ({ schemaname, relname }: RangeVar): string => `${schemaname}.${relname}`;

function refuse(table: string, why: string): FerryError {
  return new FerryError('migrations-refused', `${table} cannot be made as it was: ${why}`, {
    remedy: 'Write a migration that does it; nothing was run.',
  });
}

/** All but what stands between the parentheses. */
const bare = (table: CreateStmt): string => deparseSync({ CreateStmt: { ...table, tableElts: [] } } as Node);

function columnsOf({ tableElts = [] }: CreateStmt): ColumnDef[] {
  return tableElts.flatMap((one) => ('ColumnDef' in one ? [one.ColumnDef] : []));
}

function checksOf({ tableElts = [] }: CreateStmt): Constraint[] {
  return tableElts.flatMap((one) => ('Constraint' in one ? [one.Constraint] : []));
}

function isSame(now: Map<string, Constraint>, before: Map<string, Constraint>, key: string): boolean {
  const [one, other] = [now.get(key), before.get(key)];
  return one !== undefined && other !== undefined && textOf(one) === textOf(other);
}

const textOf = (constraint: Constraint): string => deparseSync({ Constraint: constraint } as Node);

/** What depends on it is not taken along. */
const behavior = 'DROP_RESTRICT' as const;

const dropConstraint = (name: string): AlterTableCmd => ({
  subtype: 'AT_DropConstraint',
  name,
  behavior,
});
const dropColumn = (name: string): AlterTableCmd => ({ subtype: 'AT_DropColumn', name, behavior });
const addConstraint = (constraint: Constraint): AlterTableCmd => ({
  subtype: 'AT_AddConstraint',
  def: { Constraint: constraint } as Node,
  behavior,
});
const addColumn = (column: ColumnDef): AlterTableCmd => ({
  subtype: 'AT_AddColumn',
  def: { ColumnDef: column } as Node,
  behavior,
});

function changeColumn(table: string, is: ColumnDef, was: ColumnDef): AlterTableCmd[] {
  const type = (column: ColumnDef) => deparseSync({ TypeName: column.typeName } as Node);
  const shape = (column: ColumnDef) => deparseSync({ ColumnDef: { ...column, constraints: others(column) } } as Node);
  if (type(is) !== type(was)) throw refuse(table, `column ${is.colname} is ${type(is)}, and was ${type(was)}`);
  if (shape(is) !== shape(was)) throw refuse(table, `column ${is.colname} is made in another way`);
  const name = is.colname!;
  const [nullNow, nullBefore] = [is, was].map((one) => has(one, 'CONSTR_NOTNULL') !== undefined);
  const [now, before] = [is, was].map((one) => has(one, 'CONSTR_DEFAULT'));
  const isSameDefault = (now && textOf(now)) === (before && textOf(before));
  return [
    ...(isSameDefault ? [] : [{ subtype: 'AT_ColumnDefault' as const, name, def: before?.raw_expr, behavior }]),
    ...(nullNow === nullBefore
      ? []
      : [{ subtype: nullBefore ? ('AT_SetNotNull' as const) : ('AT_DropNotNull' as const), name, behavior }]),
  ];
}

const constraintsOf = ({ constraints = [] }: ColumnDef): Constraint[] =>
  constraints.map((one) => (one as { Constraint: Constraint }).Constraint);

const has = (column: ColumnDef, contype: Constraint['contype']): Constraint | undefined =>
  constraintsOf(column).find((one) => one.contype === contype);

const others = (column: ColumnDef): Node[] =>
  constraintsOf(column)
    .filter(({ contype }) => contype !== 'CONSTR_NOTNULL' && contype !== 'CONSTR_DEFAULT')
    .map((one) => ({ Constraint: one }) as Node);
