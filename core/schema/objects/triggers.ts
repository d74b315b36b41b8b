import { type DumpStatement, listPlace } from '../inventory.js';
import { type Mover, tableOf } from '../mover.js';
import type { Written } from '../phase.js';
import { when } from '../when.js';

/**
 * Triggers, those on a table that the new project has by itself too, when their function moves: a profile for each row
 * of auth.users is the one that everybody has.
 */
export function writeTrigger(statement: DumpStatement, mover: Mover): Written[] {
  const table = tableOf(statement);
  const { trigname, funcname, isconstraint: isConstraint } = statement.node;
  if (!mover.find('relation', table) && !mover.find('routine', listPlace(funcname))) return [];
  return mover.targetsOf(table).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    if (!isConstraint)
      return [{ phase: 'triggers', sql: sql.replace(/^CREATE TRIGGER /, 'CREATE OR REPLACE TRIGGER ') }];
    const there = `SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ${mover.regclass(subject.target)} AND tgname = ${mover.literal(trigname as string)}`;
    return [{ phase: 'triggers', sql: when(`NOT EXISTS (${there})`, sql) }];
  });
}

/** CREATE RULE. */
export function writeRule(statement: DumpStatement, mover: Mover): Written[] {
  if (!mover.find('relation', tableOf(statement))) return [];
  return mover.targetsOf(tableOf(statement)).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    return sql === undefined
      ? []
      : [{ phase: 'triggers', sql: sql.replace(/^CREATE RULE /, 'CREATE OR REPLACE RULE ') }];
  });
}
