import type { DumpStatement, SourceObject } from '../inventory.js';
import type { Mover } from '../mover.js';
import type { Written } from '../phase.js';
import { when } from '../when.js';

/** Enums, domains, ranges and composite types. */
export function writeType(statement: DumpStatement, type: SourceObject, mover: Mover): Written[] {
  const moved = mover.moveObject(statement, type, ({ schema }) => mover.move(statement, schema));
  if (!moved) return [];
  const absent = `pg_catalog.to_regtype(${mover.literal(mover.name(moved.place))}) IS NULL`;
  return [{ phase: 'schemas_and_types', sql: when(absent, moved.sql) }];
}
