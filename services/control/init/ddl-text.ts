import type { QualifiedName } from '../../../core/relation.js';
import { quoteLiteral, quoteName } from '../../../platform/postgres.js';

/** A comment line of SQL; names may hold line breaks, which would end it. */
export function sqlComment(text: string): string {
  return `-- ${text.replaceAll(/[\r\n]+/g, ' ')}`;
}

export function typeMissing(name: QualifiedName): string {
  return `pg_catalog.to_regtype(${quoteLiteral(quoteName(name))}) IS NULL`;
}

export function constraintMissing(table: QualifiedName, constraint: string): string {
  return (
    'NOT EXISTS (SELECT FROM pg_catalog.pg_constraint ' +
    `WHERE conrelid = ${quoteLiteral(quoteName(table))}::pg_catalog.regclass AND conname = ${quoteLiteral(constraint)})`
  );
}
