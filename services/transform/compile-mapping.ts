import { type TableMapping, targetColumn } from '../../core/mapping.js';
import { type RelationLine, relationFromLine, relationToLine } from '../../core/record.js';
import { displayName, sourceName } from '../../core/relation.js';

/** What a mapping makes of one version of a source relation. */
export interface CompiledRelation {
  /** The source table, `schema.table`, that the ledger counts under. */
  readonly source: string;
  /** The domain schema its rows go to; undefined when no mapping takes the table. */
  readonly schema: string | undefined;
  /** The relation's line in the domain topic. */
  readonly line: string;
  /** Columns that change their name; undefined when none does, and a snapshot's rows pass as they are. */
  readonly rename: ReadonlyMap<string, string> | undefined;
}

/** Compiles once for each relation version; rows are then routed without looking at the mapping again. */
export function compileRelation(line: RelationLine, tables: readonly TableMapping[]): CompiledRelation {
  const relation = relationFromLine(line);
  const source = sourceName(relation);
  const mapping = tables.find((table) => displayName(table.source) === source);
  if (!mapping) return { source, schema: undefined, line: '', rename: undefined };
  const target = relationToLine({
    ...relation,
    ...mapping.target,
    source,
    columns: relation.columns.map((column) => ({ ...column, name: targetColumn(mapping, column.name) })),
  });
  return {
    source,
    schema: mapping.target.schema,
    line: JSON.stringify(target),
    rename: mapping.rename.size > 0 ? mapping.rename : undefined,
  };
}
