import { type DumpStatement, rangePlace } from '../inventory.js';
import { type Mover, tableOf } from '../mover.js';
import type { Written } from '../phase.js';
import { nodesOf } from '../syntax.js';

/** CREATE INDEX, of tables and materialized views. */
export function writeIndex(statement: DumpStatement, mover: Mover): Written[] {
  if (!mover.find('relation', tableOf(statement))) return [];
  return mover.targetsOf(tableOf(statement)).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    return [{ phase: 'indexes', sql: sql.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX IF NOT EXISTS ') }];
  });
}

/** CREATE STATISTICS. */
export function writeStatistics(statement: DumpStatement, mover: Mover): Written[] {
  const [table] = nodesOf(statement.node.relations, 'RangeVar');
  if (!table || !mover.find('relation', rangePlace(table))) return [];
  return mover.targetsOf(rangePlace(table)).flatMap((subject): Written[] => {
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    return [{ phase: 'indexes', sql: sql.replace(/^CREATE STATISTICS /, 'CREATE STATISTICS IF NOT EXISTS ') }];
  });
}
