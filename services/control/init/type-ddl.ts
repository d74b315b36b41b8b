import { displayName } from '../../../core/relation.js';
import { when } from '../../../core/schema/when.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../../platform/postgres.js';
import type { LeftTable } from './assign-tables.js';
import type { Ddl, DdlContext } from './ddl-context.js';
import { sqlComment, typeMissing } from './ddl-text.js';
import type { MovedType } from './plan-types.js';
import type { TypePart } from './source-parts.js';

/** CREATE TYPE or CREATE DOMAIN, when the target has it already. */
export function typeDdl(context: DdlContext, { type, target, why }: MovedType): Ddl {
  const comment = sqlComment(`${type.schema}.${type.name} goes to ${target.schema} ${why}`);
  const part = context.parts.types.find(({ oid }) => oid === type.oid);
  if (type.kind === 'd') return domainDdl(context, { type, target, why }, part!, comment);
  const body =
    type.kind === 'e'
      ? `ENUM (${type.labels.map((label) => quoteLiteral(label)).join(', ')})`
      : `(${part!.attributes.map((attribute) => attributeSql(context, attribute)).join(', ')})`;
  return {
    statements: [`${comment}\n${when(typeMissing(target), `CREATE TYPE ${quoteName(target)} AS ${body}`)}`],
    left: [],
  };
}

function attributeSql(context: DdlContext, { name, type, collation }: TypePart['attributes'][number]): string {
  return `${quoteIdentifier(name)} ${context.rebind(type)}${collation === null ? '' : ` COLLATE ${collation}`}`;
}

function domainDdl(context: DdlContext, { type, target }: MovedType, part: TypePart, comment: string): Ddl {
  const left: LeftTable[] = [];
  const leave = (what: string, needs: string) => {
    left.push({
      table: displayName({ schema: type.schema, table: type.name }),
      reason: `${what} of the domain is not created: ${needs}`,
    });
  };
  const clauses = [`CREATE DOMAIN ${quoteName(target)} AS ${context.rebind(part.base!)}`];
  if (part.collation !== null) clauses.push(`COLLATE ${part.collation}`);
  const needs = context.obstacle('pg_type', type.oid);
  if (part.expression !== null && needs !== undefined) leave('the default', `it needs the ${needs}`);
  else if (part.expression !== null) clauses.push(`DEFAULT ${context.rebind(part.expression)}`);
  if (part.notNull) clauses.push('NOT NULL');
  for (const check of context.parts.constraints.filter(({ domain }) => domain === type.oid)) {
    const obstacle = context.obstacle('pg_constraint', check.oid);
    if (obstacle !== undefined) leave(`the constraint ${check.name}`, `it needs the ${obstacle}`);
    // CREATE DOMAIN has no NOT VALID, and the values that break the constraint would not go in.
    else if (!check.validated) leave(`the constraint ${check.name}`, 'it is NOT VALID');
    else clauses.push(`CONSTRAINT ${quoteIdentifier(check.name)} ${context.rebind(check.definition)}`);
  }
  const lines = [comment, ...left.map(({ reason }) => sqlComment(reason))];
  return { statements: [`${lines.join('\n')}\n${when(typeMissing(target), clauses.join(' '))}`], left };
}
