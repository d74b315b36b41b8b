import type { Tuple } from '../../../core/record.js';
import type { ChangesStep, TableStep } from '../batch.js';
import type { Upsert } from '../fold.js';
import {
  deleteStatement,
  insertStatement,
  knownText,
  moveStatement,
  partialStatement,
  renumberStatement,
  type SplitChanges,
  type Statement,
  splitChanges,
  updateStatement,
  upsertStatement,
} from '../statements.js';
import type { TableShape } from '../table-shape.js';

export type MoveStep = Extract<TableStep, { kind: 'move' }>;

/** What {@link Planned} calls rows that were not there when they were looked for. */
export const INSERT = 'insert';

/** A statement with the step that it is part of. */
export interface Planned {
  readonly step: TableStep;
  readonly shape: TableShape;
  /** What tells its text from others of the table. */
  readonly what: string;
  readonly statement: Statement;
}

/** A step's statements, in their order. */
export function planStep(step: ChangesStep | MoveStep): Planned[] {
  if (step.kind === 'changes') return changeStatements(step, splitChanges(step.set.changes.values()));
  const { shape, to, isWhole } = step.move;
  const move = { step, shape, what: `move ${knownText(to)}`, statement: moveStatement(step.move) };
  return isWhole ? [move, { step, shape, what: 'upsert', statement: upsertStatement(shape, [to]) }] : [move];
}

export function changeStatements(
  step: ChangesStep,
  { deletes, updates, partials, upserts, inserts }: SplitChanges,
): Planned[] {
  const { shape } = step.set;
  const planned = (what: string, statement: Statement): Planned => ({ step, shape, what, statement });
  return [
    ...(deletes.length > 0 ? [planned('delete', deleteStatement(shape, deletes))] : []),
    ...[...updates].map(([known, rows]) => planned(`update ${known}`, updateStatement(shape, rows))),
    ...[...partials].map(([known, rows]) => planned(`partial ${known}`, partialStatement(shape, rows))),
    ...(upserts.length > 0 ? [planned('upsert', upsertStatement(shape, upserts.map(rowOf)))] : []),
    ...(inserts.length > 0 ? [planned(INSERT, insertStatement(shape, inserts))] : []),
    ...renumberRows(step, () => [...upserts.map(rowOf), ...[...updates.values(), ...partials.values()].flat()]),
  ];
}

const rowOf = ({ row }: Upsert) => row;

/** What must follow on written rows; nothing for most tables. */
export function renumberRows(step: ChangesStep, written: () => readonly Tuple[]): Planned[] {
  const { shape } = step.set;
  const statement = renumberStatement(shape, written);
  return statement ? [{ step, shape, what: 'renumber', statement }] : [];
}
