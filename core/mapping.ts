import type { TableRules } from './mapping/table-rules.js';
import { displayName, type QualifiedName } from './relation.js';
import type { SchemaChangePolicy } from './schema-change.js';

/** A place in a configuration file, for errors. Lines and columns count from 1. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * How the target knows of each row where it came from: candidates stand in the schema `ferry`, each with its source table
 * and the key that its row has there, and those that have the better of others stand in the target table.
 */
export interface Lineage {
  /** All source tables of the target table, as {@link routeName} says them; the one that has precedence first. */
  readonly sources: readonly string[];
  /** Target columns in which rows are one, of whichever source table; empty where no two are. */
  readonly unique: readonly string[];
  /** Source columns that tell rows apart; undefined: those of the replica identity. */
  readonly key: readonly string[] | undefined;
}

/** The column of a candidate, and of its row in the domain topic, that has its source row's key: a JSON array of texts. */
export const LINEAGE_KEY = 'ferry_key';
/** The column of a candidate that has its source table, as {@link routeName} says it. */
export const LINEAGE_SOURCE = 'ferry_source';

/** Where rows of one source table go. */
export interface TableMapping {
  /** What tells it from the others of its source table, where that goes to several; see {@link routeName}. */
  readonly route?: string;
  readonly source: QualifiedName;
  readonly target: QualifiedName;
  /** Columns that change their name: source name -> target name. All others keep theirs. */
  readonly rename: ReadonlyMap<string, string>;
  /** What else is done with its rows; undefined where they only move, as bytes. */
  readonly rules?: TableRules;
  /** Undefined where rows stand in the target table alone. */
  readonly lineage?: Lineage;
  /**
   * In a way back, where several tables bring the rows of one old table: rows of the table, of which the others bring other
   * rows; or columns of rows that another one brings. Undefined where no other table writes there.
   */
  readonly join?: 'rows' | 'part';
  /** The table stands at a TRUNCATE of its source, which would take rows that never came from there; undefined: it is truncated, too. */
  readonly truncate?: 'halt';
  /** All rows come in one partition of the log, whatever their keys are; undefined: in that of their key. */
  readonly partitions?: 1;
  /** Where it differs from the pipeline's. */
  readonly schemaChanges?: SchemaChangePolicy;
  /** Where the mapping was written: of the table, and of each source column that it lists. */
  readonly place: FilePlace;
  readonly columnPlaces: ReadonlyMap<string, FilePlace>;
}

export function formatPlace(place: FilePlace): string {
  return `${place.file}:${place.line}:${place.column}`;
}

export function targetColumn(mapping: Pick<TableMapping, 'rename'>, sourceColumn: string): string {
  return mapping.rename.get(sourceColumn) ?? sourceColumn;
}

/**
 * What ledger, states, dead letters and domain topics call the rows of a mapping by: the source table, and the target
 * with it where the table goes to several.
 */
export function routeName({ route, source }: Pick<TableMapping, 'route' | 'source'>): string {
  return route ?? displayName(source);
}

/** Rows go as bytes: nothing is read of them, and nothing is known of them beside. */
export function isMove({ rules, lineage }: Pick<TableMapping, 'rules' | 'lineage'>): boolean {
  return !rules && !lineage;
}

/** All mappings of a mapping's target table: several where tables are merged, the one that has precedence first. */
export function mergedWith(tables: readonly TableMapping[], { target }: Pick<TableMapping, 'target'>): TableMapping[] {
  return tables.filter((table) => displayName(table.target) === displayName(target));
}

/** Of the mappings the first of each source table. */
export function oncePerSource(tables: readonly TableMapping[]): TableMapping[] {
  const sources = new Map<string, TableMapping>();
  for (const table of tables) {
    const name = displayName(table.source);
    if (!sources.has(name)) sources.set(name, table);
  }
  return [...sources.values()];
}

/** All mappings of a mapping's source table. */
export function routesOf(tables: readonly TableMapping[], { source }: Pick<TableMapping, 'source'>): TableMapping[] {
  return tables.filter((table) => displayName(table.source) === displayName(source));
}

/** The domain schemas of a mapping, sorted: one topic each. */
export function domainSchemas(tables: readonly TableMapping[]): string[] {
  return [...new Set(tables.map((table) => table.target.schema))].sort();
}
