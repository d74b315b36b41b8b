import type { DumpStatement } from '../inventory.js';
import { labelOf } from '../label.js';
import type { Mover } from '../mover.js';
import type { Written } from '../phase.js';
import { isManagedSchema } from '../supabase.js';
import { nodesOf, stringOf } from '../syntax.js';

/** Extensions keep their schema: what they have made is named by it, and stays named so. */
export function writeExtension(statement: DumpStatement, mover: Mover): Written[] {
  const option = nodesOf(statement.node.options, 'DefElem').find(({ defname }) => defname === 'schema');
  const schema = stringOf(option?.arg);
  if (schema === 'pg_catalog' || (schema !== undefined && schema !== 'extensions' && isManagedSchema(schema)))
    return [];
  const phase = 'schemas_and_types';
  if (schema === undefined) return [{ phase, sql: statement.sql }];
  mover.look(
    statement,
    labelOf(statement),
    `the target must have it in the schema ${schema}, too, where defaults, indexes and functions name it`,
    `If the target has it elsewhere: ALTER EXTENSION ... SET SCHEMA ${mover.grammar.identifier(schema)}.`,
  );
  return [
    { phase, sql: `CREATE SCHEMA IF NOT EXISTS ${mover.grammar.identifier(schema)}` },
    { phase, sql: statement.sql },
  ];
}
