import { type DumpStatement, listPlace } from '../inventory.js';
import { labelOf } from '../label.js';
import { type Mover, type SubjectTable, tableOf } from '../mover.js';
import { displayPlace, samePlace } from '../names.js';
import { ownColumns } from '../own-columns.js';
import type { Written } from '../phase.js';
import { findsColumns } from '../routine-viewpoint.js';
import { when } from '../when.js';

/**
 * Triggers, those on a table that the new project has by itself too, when their function moves: a profile for each row
 * of auth.users is the one that everybody has.
 */
export function writeTrigger(statement: DumpStatement, mover: Mover): Written[] {
  const table = tableOf(statement);
  const { trigname, funcname, isconstraint: isConstraint } = statement.node;
  if (!mover.find('relation', table) && !mover.find('routine', listPlace(funcname))) return [];
  const all = mover.targetsOf(table);
  const able = all.filter((subject) => hasColumns(statement, subject, mover));
  if (able.length === 0 && all.length > 0) {
    const places = all.map(({ target }) => displayPlace(target)).join(' or ');
    const why = `it or its function names columns of the row that do not all stand in ${places}`;
    mover.leave(statement, labelOf(statement), why, 'Write it by hand, with the columns that the target has.');
  }
  return able.flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    mover.made(subject.target, { kind: 'trigger', name: trigname });
    if (!isConstraint)
      return [{ phase: 'triggers', sql: sql.replace(/^CREATE TRIGGER /, 'CREATE OR REPLACE TRIGGER ') }];
    const there = `SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ${mover.regclass(subject.target)} AND tgname = ${mover.literal(trigname as string)}`;
    return [{ phase: 'triggers', sql: when(`NOT EXISTS (${there})`, sql) }];
  });
}

/** Of a split table where the columns are that the trigger or its function names. */
function hasColumns(statement: DumpStatement, subject: SubjectTable, mover: Mover): boolean {
  if (mover.standElsewhere(ownColumns(statement.kind, statement.node), subject)) return false;
  const table = mover.find('relation', subject.source);
  const name = listPlace(statement.node.funcname);
  const isIts = ({ kind, node }: DumpStatement) =>
    kind === 'CreateFunctionStmt' && samePlace(listPlace(node.funcname), name);
  const routine = mover.statements.find(isIts);
  return !routine || !table?.columns || findsColumns(routine, mover.plan.columnsOf(table, subject.target), mover);
}

/** CREATE RULE. */
export function writeRule(statement: DumpStatement, mover: Mover): Written[] {
  if (!mover.find('relation', tableOf(statement))) return [];
  return mover.targetsOf(tableOf(statement)).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    mover.made(subject.target, { kind: 'rule', name: statement.node.rulename });
    return [{ phase: 'triggers', sql: sql.replace(/^CREATE RULE /, 'CREATE OR REPLACE RULE ') }];
  });
}
