import type { TableStep } from '../batch.js';
import {
  deleteStatement,
  renumberStatement,
  type SplitChanges,
  type Statement,
  updateStatement,
  upsertStatement,
} from '../statements.js';
import type { TableShape } from '../table-shape.js';

/** A statement with the step that it is part of. */
export interface Planned {
  readonly step: TableStep;
  readonly shape: TableShape;
  /** What tells its text from others of the table. */
  readonly what: string;
  readonly statement: Statement;
}

/** Statements of a change set, in their order. */
export function changeStatements(
  step: TableStep & { kind: 'changes' },
  { deletes, updates, upserts }: SplitChanges,
): Planned[] {
  const { shape } = step.set;
  const written = [...upserts, ...[...updates.values()].flat()];
  const renumber = written.length > 0 ? renumberStatement(shape, written) : undefined;
  const planned = (what: string, statement: Statement): Planned => ({ step, shape, what, statement });
  return [
    ...(deletes.length > 0 ? [planned('delete', deleteStatement(shape, deletes))] : []),
    ...[...updates].map(([known, rows]) => planned(`update ${known}`, updateStatement(shape, rows))),
    ...(upserts.length > 0 ? [planned('upsert', upsertStatement(shape, upserts))] : []),
    ...(renumber ? [planned('renumber', renumber)] : []),
  ];
}
