import { type DumpStatement, keyOf, listPlace } from '../inventory.js';
import type { Mover } from '../mover.js';
import type { Phase, Written } from '../phase.js';

/** Functions and procedures. @param early those that types or tables need, and the file that they need them in. */
export function writeRoutine(statement: DumpStatement, early: ReadonlyMap<string, Phase>, mover: Mover): Written[] {
  const routine = mover.find('routine', listPlace(statement.node.funcname));
  if (!routine) return [];
  const moved = mover.moveObject(statement, routine, ({ schema }) => mover.moveRoutine(statement, schema));
  if (!moved) return [];
  const phase = early.get(keyOf(routine)) ?? 'functions_and_views';
  return [{ phase, sql: moved.sql.replace(/^CREATE (FUNCTION|PROCEDURE) /, 'CREATE OR REPLACE $1 ') }];
}
