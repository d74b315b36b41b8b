import { isSameSet } from '../../same-set.js';
import { withoutFixed } from '../fixed-columns.js';
import { type DumpStatement, listPlace, rangePlace } from '../inventory.js';
import { labelOf } from '../label.js';
import { isUniqueIn } from '../merge/holds.js';
import { type Mover, type SubjectTable, tableOf } from '../mover.js';
import { ownColumns } from '../own-columns.js';
import type { Written } from '../phase.js';
import { nodesOf } from '../syntax.js';
import { BY_HAND, NOT_UNIQUE } from './merge-table.js';

/** CREATE INDEX, of tables and materialized views. */
export function writeIndex(whole: DumpStatement, mover: Mover): Written[] {
  if (!mover.find('relation', tableOf(whole))) return [];
  return mover.targetsOf(tableOf(whole)).flatMap((subject): Written[] => {
    const statement = withoutFixed(whole, subject, mover);
    if (isElsewhere(statement, subject, mover)) return [];
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    mover.made(subject.target, { kind: 'index', name: statement.node.idxname });
    return [{ phase: 'indexes', sql: sql.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX IF NOT EXISTS ') }];
  });
}

/** Of a split table where its columns are; a unique index of merged ones is made with the table, or need not hold: then it is said. */
function isElsewhere(statement: DumpStatement, subject: SubjectTable, mover: Mover): boolean {
  if (mover.standElsewhere(ownColumns(statement.kind, statement.node), subject)) return true;
  const merged = statement.node.unique === true && mover.merges.isMerged(subject.target);
  const table = merged ? mover.mergedAt(subject.target) : undefined;
  if (!table) return false;
  const elements = nodesOf(statement.node.indexParams, 'IndexElem');
  const names = elements.map(({ name }) => (typeof name === 'string' ? mover.columnAt(subject, name) : undefined));
  const isPlain = !names.includes(undefined) && statement.node.whereClause === undefined;
  if (isPlain && isSameSet(names as string[], table.unique)) return true;
  if (mover.isOfThoseBehind || (isPlain && isUniqueIn(names as string[], table))) return false;
  mover.leave(statement, labelOf(statement), NOT_UNIQUE, BY_HAND);
  return true;
}

/** CREATE STATISTICS. */
export function writeStatistics(statement: DumpStatement, mover: Mover): Written[] {
  const [table] = nodesOf(statement.node.relations, 'RangeVar');
  if (!table || !mover.find('relation', rangePlace(table))) return [];
  return mover.targetsOf(rangePlace(table)).flatMap((subject): Written[] => {
    if (mover.standElsewhere(ownColumns(statement.kind, statement.node), subject)) return [];
    const sql = mover.moveAbout(statement, subject);
    if (sql === undefined) return [];
    mover.made(subject.target, { kind: 'statistics', name: listPlace(statement.node.defnames).name });
    return [{ phase: 'indexes', sql: sql.replace(/^CREATE STATISTICS /, 'CREATE STATISTICS IF NOT EXISTS ') }];
  });
}
