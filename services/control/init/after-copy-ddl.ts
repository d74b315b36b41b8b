import { displayName } from '../../../core/relation.js';
import { when } from '../../../core/schema/when.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { AssignedTable } from './assign-tables.js';
import { concatDdl, type Ddl, type DdlContext, leftPart } from './ddl-context.js';
import { constraintMissing, sqlComment } from './ddl-text.js';
import { secondaryIndexDdl } from './index-ddl.js';
import type { ConstraintPart } from './source-parts.js';

/** What is created once the rows are there, by the migration that does it; each is a transaction of its own. */
export interface AfterCopyDdl {
  /** Indexes, exclusion and NOT VALID constraints. */
  readonly indexes: Ddl;
  /** NOT VALID, which takes no long lock. */
  readonly foreignKeys: Ddl;
  /** Reads all rows, and locks nobody out; then statistics. */
  readonly validation: Ddl;
}

export function afterCopyDdl(context: DdlContext): AfterCopyDdl {
  const each = (make: (table: AssignedTable) => Ddl) => concatDdl(context.tables.map(make));
  const analyze = context.tables.map(({ target }) => `ANALYZE ${quoteName(target)}`);
  return {
    indexes: concatDdl([
      each((table) => secondaryIndexDdl(context, table)),
      each((table) => lateConstraintDdl(context, table)),
    ]),
    foreignKeys: each((table) => foreignKeyDdl(context, table)),
    validation: concatDdl([each((table) => validateDdl(context, table)), { statements: analyze, left: [] }]),
  };
}

function constraintsOf(context: DdlContext, table: AssignedTable): ConstraintPart[] {
  return context.parts.constraints.filter((constraint) => constraint.table === table.source.oid);
}

function lateConstraintDdl(context: DdlContext, table: AssignedTable): Ddl {
  const late = constraintsOf(context, table).filter(
    ({ kind, validated }) => kind === 'x' || (kind === 'c' && !validated),
  );
  return concatDdl(
    late.map((constraint) => {
      const needs = context.obstacle('pg_constraint', constraint.oid);
      if (needs === undefined) return { statements: [addConstraint(context, table, constraint)], left: [] };
      const left = leftPart(table, `the constraint ${constraint.name}`, needs);
      return { statements: [sqlComment(left.reason)], left: [left] };
    }),
  );
}

/** Foreign keys are added without looking at the rows, which takes no long lock, and validated afterwards. */
function foreignKeyDdl(context: DdlContext, table: AssignedTable): Ddl {
  return concatDdl(
    constraintsOf(context, table)
      .filter(({ kind }) => kind === 'f')
      .map((constraint) => {
        if (refersToMoved(context, constraint)) {
          return { statements: [addConstraint(context, table, constraint)], left: [] };
        }
        const reason = `the foreign key ${constraint.name} is not created in the target: it refers to a table that is not moved`;
        return {
          statements: [sqlComment(`${displayName(table.target)}: ${reason}`)],
          left: [{ table: displayName(table.source), reason, schema: table.target.schema }],
        };
      }),
  );
}

function validateDdl(context: DdlContext, table: AssignedTable): Ddl {
  const statements = constraintsOf(context, table)
    .filter((constraint) => constraint.kind === 'f' && constraint.validated && refersToMoved(context, constraint))
    .map(({ name }) => `ALTER TABLE ${quoteName(table.target)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`);
  return { statements, left: [] };
}

function refersToMoved(context: DdlContext, { referenced }: ConstraintPart): boolean {
  return context.tables.some(({ source }) => source.oid === referenced);
}

function addConstraint(context: DdlContext, table: AssignedTable, constraint: ConstraintPart): string {
  const definition = context.rebind(constraint.definition);
  const notValid = constraint.kind === 'f' && !definition.endsWith(' NOT VALID') ? ' NOT VALID' : '';
  return when(
    constraintMissing(table.target, constraint.name),
    `ALTER TABLE ${quoteName(table.target)} ADD CONSTRAINT ${quoteIdentifier(constraint.name)} ${definition}${notValid}`,
  );
}
