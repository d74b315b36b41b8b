import { isSameSet } from '../../same-set.js';
import { fixedAt, withoutFixed } from '../fixed-columns.js';
import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, rangePlace } from '../inventory.js';
import { labelOf } from '../label.js';
import { checkAt, checksOf, foreignKeyFate, isUniqueIn } from '../merge/holds.js';
import type { MergedTable } from '../merge/merged-table.js';
import type { Mover, SubjectTable } from '../mover.js';
import { ownColumns } from '../own-columns.js';
import type { Phase, Written } from '../phase.js';
import { isNode, nodesOf, stringsOf } from '../syntax.js';
import { when } from '../when.js';
import { BY_HAND, NOT_UNIQUE } from './merge-table.js';

interface AddedConstraint {
  readonly statement: DumpStatement;
  readonly subject: SubjectTable;
  readonly constraint: SyntaxNode;
}

/** ALTER TABLE ... ADD CONSTRAINT. Keys come before the copy, for rows are found by them. */
export function writeConstraint(whole: DumpStatement, subject: SubjectTable, mover: Mover): Written[] {
  const statement = withoutFixed(whole, subject, mover);
  const [constraint] = nodesOf(statement.node.cmds, 'Constraint') as [SyntaxNode];
  if (isElsewhere({ statement, subject, constraint }, mover)) return [];
  const sql = mover.moveAbout(statement, subject);
  if (sql === undefined) return [];
  mover.made(subject.target, { kind: 'index', name: constraint.conname });
  const name = mover.indexName(constraint.conname as string, subject);
  const absent = `NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = ${mover.regclass(subject.target)} AND conname = ${mover.literal(name)})`;
  if (constraint.contype !== 'CONSTR_FOREIGN') {
    const phase: Phase = constraint.contype === 'CONSTR_EXCLUSION' ? 'indexes' : 'tables';
    return [{ phase, sql: when(absent, sql) }];
  }
  // Of a partitioned table it is checked at once: PostgreSQL knows no NOT VALID there before version 18.
  if (constraint.skip_validation === true || isPartitioned(subject, mover)) {
    return [{ phase: 'foreign_keys', sql: when(absent, sql) }];
  }
  const table = mover.name(subject.target);
  return [
    { phase: 'foreign_keys', sql: when(absent, `${sql} NOT VALID`) },
    {
      phase: 'validate_foreign_keys',
      sql: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${mover.grammar.identifier(name)}`,
    },
  ];
}

/** Where tables are split or merged or keys made, a constraint is made elsewhere, or not at all: then it is said why. */
function isElsewhere({ statement, subject, constraint }: AddedConstraint, mover: Mover): boolean {
  const columns = ownColumns('Constraint', constraint);
  // One over a column that stays behind for its one value holds here too, and is left to a person.
  const fixed = constraint.contype === 'CONSTR_FOREIGN' ? fixedAt(subject, mover) : new Set();
  if (!columns.some((column) => fixed.has(column)) && mover.standElsewhere(columns, subject)) return true;
  if (constraint.contype === 'CONSTR_FOREIGN') {
    const fate = foreignKeyFate(constraint, subject, mover);
    if (fate.kind === 'left') mover.leave(statement, labelOf(statement), fate.why, BY_HAND);
    return fate.kind !== 'made';
  }
  const merged = mover.mergedAt(subject.target);
  if (!merged) return false;
  if (constraint.contype === 'CONSTR_PRIMARY') return true;
  if (!mover.merges.isMerged(subject.target)) return false;
  if (constraint.contype === 'CONSTR_UNIQUE')
    return isUniqueElsewhere({ statement, subject, constraint }, merged, mover);
  if (constraint.contype === 'CONSTR_CHECK') return !holdsForAll({ statement, subject, constraint }, merged, mover);
  mover.leave(statement, labelOf(statement), NOT_UNIQUE, BY_HAND);
  return true;
}

function isUniqueElsewhere(
  { statement, subject, constraint }: AddedConstraint,
  merged: MergedTable,
  mover: Mover,
): boolean {
  const names = stringsOf(constraint.keys).map((column) => mover.columnAt(subject, column));
  // Those of a column that does not move are left, with the reason, as any.
  if (names.includes(undefined)) return false;
  if (mover.isOfThoseBehind) return [merged.key ?? [], merged.unique].some((own) => isSameSet(own, names as string[]));
  if (isUniqueIn(names as string[], merged)) return false;
  mover.leave(statement, labelOf(statement), NOT_UNIQUE, BY_HAND);
  return true;
}

function holdsForAll({ statement, subject, constraint }: AddedConstraint, merged: MergedTable, mover: Mover): boolean {
  const own = checkAt(constraint, subject, mover);
  if (own === undefined || merged.sources.every((source) => checksOf(source, subject, mover).has(own))) return true;
  if (!mover.isOfThoseBehind)
    mover.leave(statement, labelOf(statement), 'rows of tables that are merged with it need not pass it', BY_HAND);
  return mover.isOfThoseBehind;
}

function isPartitioned({ source }: SubjectTable, { statements }: Mover): boolean {
  return statements.some(({ kind, node }) => {
    if (kind !== 'CreateStmt' || !isNode(node.partspec)) return false;
    const { schema, name } = rangePlace(node.relation);
    return schema === source.schema && name === source.name;
  });
}
