import type { QualifiedName } from './relation.js';
import type { SchemaChangePolicy } from './schema-change.js';

/** A place in a configuration file, for errors. Lines and columns count from 1. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where the rows of one source table go. */
export interface TableMapping {
  readonly source: QualifiedName;
  readonly target: QualifiedName;
  /** Columns that change their name: source name -> target name. All others keep theirs. */
  readonly rename: ReadonlyMap<string, string>;
  /** Where it differs from the pipeline's. */
  readonly schemaChanges?: SchemaChangePolicy;
  /** Where the mapping was written: of the table, and of each renamed column by its source name. */
  readonly place: FilePlace;
  readonly columnPlaces: ReadonlyMap<string, FilePlace>;
}

export function formatPlace(place: FilePlace): string {
  return `${place.file}:${place.line}:${place.column}`;
}

export function targetColumn(mapping: Pick<TableMapping, 'rename'>, sourceColumn: string): string {
  return mapping.rename.get(sourceColumn) ?? sourceColumn;
}

/** The domain schemas of a mapping, sorted: one topic each. */
export function domainSchemas(tables: readonly TableMapping[]): string[] {
  return [...new Set(tables.map((table) => table.target.schema))].sort();
}
