import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, rangePlace } from '../inventory.js';
import type { Mover, SubjectTable } from '../mover.js';
import type { Phase, Written } from '../phase.js';
import { isNode } from '../syntax.js';
import { when } from '../when.js';

export interface AddedConstraint {
  readonly statement: DumpStatement;
  readonly subject: SubjectTable;
  readonly constraint: SyntaxNode;
}

/** ALTER TABLE ... ADD CONSTRAINT. Keys come before the copy, for rows are found by them. */
export function writeConstraint({ statement, subject, constraint }: AddedConstraint, mover: Mover): Written[] {
  const sql = mover.moveAbout(statement, subject);
  if (sql === undefined) return [];
  const name = targetName(constraint, subject, mover);
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

/** The one that it was written with: where it makes an index, that may have needed another. */
function targetName({ conname }: SyntaxNode, { source, target }: SubjectTable, mover: Mover): string {
  const index = mover.find('relation', { schema: source.schema, name: conname as string });
  const isOwn = index?.kind === 'index' && index.owner?.name === source.name;
  const place = isOwn ? mover.placesOf(index).find(({ schema }) => schema === target.schema) : undefined;
  return place?.name ?? (conname as string);
}

function isPartitioned({ source }: SubjectTable, { statements }: Mover): boolean {
  return statements.some(({ kind, node }) => {
    if (kind !== 'CreateStmt' || !isNode(node.partspec)) return false;
    const { schema, name } = rangePlace(node.relation);
    return schema === source.schema && name === source.name;
  });
}
