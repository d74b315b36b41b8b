import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { replicaKey } from '../preflight/replica-key.js';
import type { AssignedTable, LeftTable } from './assign-tables.js';
import { type Ddl, type DdlContext, leftPart } from './ddl-context.js';
import { sqlComment } from './ddl-text.js';
import type { ColumnPart, ConstraintPart } from './source-parts.js';

/** CREATE TABLE with columns, primary key, unique and check constraints: what rows need while they are copied. */
export function tableDdl(context: DdlContext, table: AssignedTable): Ddl {
  const left: LeftTable[] = [];
  const columns = context.parts.columns
    .filter((column) => column.table === table.source.oid)
    .map((column) => columnSql(context, table, column, left));
  const constraints = context.parts.constraints
    .filter((constraint) => constraint.table === table.source.oid && belongsInTable(constraint))
    .flatMap((constraint) => constraintSql(context, table, constraint, left));
  const lines = [
    sqlComment(`${displayName(table.source)} -> ${displayName(table.target)}`),
    ...left.map(({ reason }) => sqlComment(reason)),
    `CREATE TABLE IF NOT EXISTS ${quoteName(table.target)} (`,
    `  ${[...columns, ...identityKey(context, table), ...constraints].join(',\n  ')}`,
    ')',
  ];
  return { statements: [lines.join('\n')], left };
}

/** Apply needs a primary key: a table that has a replica identity index in its place gets one of the same columns. */
function identityKey(context: DdlContext, { source, target }: AssignedTable): string[] {
  if (source.uniqueIndexes.some(({ primary }) => primary)) return [];
  const key = replicaKey(source);
  if (!('columns' in key) || key.columns.length === 0) return [];
  const name = context.relationNames.claim(target.schema, `${target.table}_pkey`, source.schema);
  return [`CONSTRAINT ${quoteIdentifier(name)} PRIMARY KEY (${key.columns.map(quoteIdentifier).join(', ')})`];
}

/** A check that is NOT VALID has rows that break it; CREATE TABLE would hold it against them. */
function belongsInTable({ kind, validated }: ConstraintPart): boolean {
  return kind === 'p' || kind === 'u' || (kind === 'c' && validated);
}

function columnSql(context: DdlContext, table: AssignedTable, column: ColumnPart, left: LeftTable[]): string {
  const needs = context.obstacle('pg_attrdef', column.expressionId);
  const kind = column.generated === '' ? 'the default' : 'the generation expression';
  if (needs !== undefined) left.push(leftPart(table, `${kind} of ${column.name}`, needs));
  const withoutExpression = column.generated !== '' && needs !== undefined;
  return [
    quoteIdentifier(column.name),
    context.rebind(column.typeText),
    ...(column.collation === null ? [] : [`COLLATE ${column.collation}`]),
    ...(needs === undefined ? expressionSql(context, table, column) : []),
    // Values of a generated column do not travel: as an ordinary column it stays null until somebody fills it.
    ...(column.notNull && !withoutExpression ? ['NOT NULL'] : []),
  ].join(' ');
}

function expressionSql(context: DdlContext, table: AssignedTable, column: ColumnPart): string[] {
  if (column.identity !== '') return [identitySql(context, table, column)];
  if (column.expression === null) return [];
  const expression = context.rebind(column.expression);
  if (column.generated === '') return [`DEFAULT ${expression}`];
  return [`GENERATED ALWAYS AS (${expression}) ${column.generated === 's' ? 'STORED' : 'VIRTUAL'}`];
}

function identitySql(context: DdlContext, table: AssignedTable, column: ColumnPart): string {
  const moved = context.sequences.find(
    ({ sequence, owner }) => sequence.isIdentity && owner === table && sequence.ownerColumn === column.name,
  );
  const options = moved ? ` (SEQUENCE NAME ${quoteName(moved.target)} ${moved.sequence.options})` : '';
  return `GENERATED ${column.identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY${options}`;
}

function constraintSql(
  context: DdlContext,
  table: AssignedTable,
  constraint: ConstraintPart,
  left: LeftTable[],
): string[] {
  const needs = context.obstacle('pg_constraint', constraint.oid);
  if (needs !== undefined) {
    left.push(leftPart(table, `the constraint ${constraint.name}`, needs));
    return [];
  }
  const name =
    constraint.kind === 'c'
      ? constraint.name
      : context.relationNames.claim(table.target.schema, constraint.name, table.source.schema);
  return [`CONSTRAINT ${quoteIdentifier(name)} ${context.rebind(constraint.definition)}`];
}
