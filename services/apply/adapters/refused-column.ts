import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { Tuple } from '../../../core/record.js';
import { displayName } from '../../../core/relation.js';
import type { TableStep } from '../batch.js';
import type { Refusal } from '../letter.js';
import { splitCounts } from '../row-counts.js';
import { copyText, stagingStatements } from '../statements.js';
import type { TableShape } from '../table-shape.js';
import { copyRows } from './staging.js';

/**
 * The target takes the connection, the transaction and the statement, but not the change: data exceptions, violated
 * constraints and checks of views, program limits, what a trigger raises; and a row to update that is missing.
 */
export function isRefusal(error: unknown): boolean {
  if (error instanceof FerryError) return error.code === 'apply-failed';
  return /^(22|23|44|54)...$|^P0001$/.test((error as DatabaseErrorFields).code ?? '');
}

/** Why the target refused a step, without a value of it. */
export async function refusalOf(target: pg.Client, step: TableStep, error: unknown): Promise<Refusal> {
  const { code, constraint, message } = error as DatabaseErrorFields & { message: string };
  const column = await refusedColumn(target, step, error as DatabaseErrorFields).catch(() => undefined);
  return {
    ...(error instanceof FerryError || code === undefined ? {} : { sqlstate: code }),
    message: withoutValue(message, code),
    ...(column === undefined ? {} : { column }),
    ...(constraint === undefined ? {} : { constraint }),
  };
}

/** PostgreSQL's messages of data exceptions quote the value that does not fit. */
export function withoutValue(message: string, sqlstate: string | undefined): string {
  return isDataException({ code: sqlstate }) ? message.replace(/:? ".*"/s, '') : message;
}

/** What PostgreSQL says of an error beside its message. */
export interface DatabaseErrorFields {
  readonly code?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly where?: string;
}

/** Of an error of COMMIT, which knows the table at best. */
export function placeAtCommit({ schema, table, column }: DatabaseErrorFields): { table?: string; column?: string } {
  return { ...(schema && table ? { table: displayName({ schema, table }) } : {}), ...(column ? { column } : {}) };
}

export const AT_COMMIT_REMEDY =
  'What is checked at COMMIT, a deferred constraint or trigger, names no change, so none is set aside. Make it NOT DEFERRABLE, ' +
  'and the change is named; or drop it, and let a migration with `-- ferry: after-copy` add it again. Apply goes on by itself.';

/** Class 22, data exceptions: the value does not fit its type. Constraints name their columns themselves. */
const isDataException = ({ code }: { readonly code?: string | undefined }) => code?.startsWith('22') === true;

/**
 * The column whose value the target refused. An INSERT does not say it, but COPY does: the step's rows are copied once
 * more, into a temporary table of the same types, and nothing of that is kept.
 * @param target a session within a transaction that works.
 * @returns undefined when it cannot be found out.
 */
export async function refusedColumn(
  target: pg.Client,
  step: TableStep,
  error: DatabaseErrorFields,
): Promise<string | undefined> {
  if (error.column) return error.column;
  if (!isDataException(error)) return undefined;
  if (step.kind === 'rows') return columnInContext(step.block.shape, error.where);
  for (const { shape, row } of changedRows(step)) {
    const found = await copyAgain(target, shape, row);
    if (found) return found;
  }
  return undefined;
}

function changedRows(step: TableStep): { shape: TableShape; row: Tuple }[] {
  if (step.kind === 'move') return [{ shape: step.move.shape, row: step.move.to }];
  if (step.kind === 'counts') return splitCounts(step.set).added.map((row) => ({ shape: step.set.shape, row }));
  if (step.kind !== 'changes') return [];
  const { shape, changes } = step.set;
  return [...changes.values()].flatMap((change) => (change.kind === 'delete' ? [] : [{ shape, row: change.row }]));
}

async function copyAgain(target: pg.Client, shape: TableShape, row: Tuple): Promise<string | undefined> {
  const known = shape.columns.flatMap((column, i) => (row[i] === false ? [] : [{ name: column.name, value: row[i]! }]));
  const names = known.map(({ name }) => name);
  const statements = stagingStatements(shape, 'ferry_refused', names);
  await target.query('SAVEPOINT refused');
  try {
    await target.query(statements.create);
    await copyRows(target, statements.copy, copyText([known.map(({ value }) => value)]));
    return undefined;
  } catch (error) {
    return columnInContext(shape, (error as DatabaseErrorFields).where);
  } finally {
    await target.query('ROLLBACK TO SAVEPOINT refused');
    await target.query('RELEASE SAVEPOINT refused');
  }
}

/** Of `COPY users, line 3, column name: "a value"` only the name: values are never printed. */
function columnInContext(shape: TableShape, where: string | undefined): string | undefined {
  const context = /^COPY .*?, line \d+, column (.*)/s.exec(where ?? '')?.[1];
  if (context === undefined) return undefined;
  return shape.columns.find(({ name }) => context === name || context.startsWith(`${name}: `))?.name;
}
