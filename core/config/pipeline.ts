import { FerryError } from '../errors.js';
import { resolveLookups } from '../mapping/resolve-lookups.js';
import { type FilePlace, formatPlace, mergedWith, routeName, routesOf, type TableMapping } from '../mapping.js';
import { MAX_TABLES_OF_A_SCHEMA } from '../position.js';
import { displayName } from '../relation.js';
import type { SchemaChangePolicy } from '../schema-change.js';
import { hasLiteralPassword, isLiteral } from './literal-password.js';
import { mappingSchema, type PipelineConfig, pipelineSchema } from './schema.js';
import { tableMappings } from './table-mappings.js';
import { readWayBackOf, type WayBackOf } from './way-back.js';
import { type ParsedFile, parseYamlFile } from './yaml-file.js';

/** A text file of the configuration directory, by its path relative to it. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** One source, one target, one mapping: all that the files of `config/<pipeline>/` say. */
export interface Pipeline extends Omit<PipelineConfig, 'pipeline' | 'wayBackOf'> {
  readonly name: string;
  /** Of a way back: its tables are equal when it begins, so that it copies nothing. */
  readonly wayBackOf?: WayBackOf;
  readonly tables: readonly TableMapping[];
}

/**
 * Reads a pipeline out of its files: `pipeline.yaml` and every `mapping/*.yaml`.
 * @throws FerryError `config-invalid`, `mapping-invalid` or `env-missing`, every problem with file:line:column.
 */
export function parsePipeline(
  files: { readonly pipeline: ConfigFile; readonly mappings: readonly ConfigFile[] },
  env: Readonly<Record<string, string | undefined>>,
): Pipeline {
  const file = parseYamlFile(files.pipeline.path, files.pipeline.text, pipelineSchema, env);
  refusePasswords(file);
  const { pipeline: name, ...config } = file.value;
  const tables = files.mappings.flatMap((file) =>
    tableMappings(parseYamlFile(file.path, file.text, mappingSchema, env)),
  );
  if (tables.length === 0) {
    throw new FerryError('mapping-invalid', `${files.pipeline.path}: no mapping/*.yaml beside it maps a table`);
  }
  refuseTwice(tables);
  const wayBackOf = readWayBackOf(file);
  if (!wayBackOf) refuseJoins(tables);
  return { name, ...config, wayBackOf, tables: withRoutes(resolveLookups(tables)) };
}

/** A secret in a file ends up in a repository, an image or a backup: it may come from the environment alone. */
function refusePasswords({ writtenAt, placeOf }: ParsedFile<PipelineConfig>): void {
  const urls = [
    ['source', 'url'],
    ['target', 'url'],
  ].filter((path) => hasLiteralPassword(String(writtenAt(path))));
  const sasl = ['log', 'sasl', 'password'];
  const found = isLiteral(String(writtenAt(sasl) ?? '')) ? [...urls, sasl] : urls;
  if (found.length === 0) return;
  const problems = found.map(
    (path) => `${formatPlace(placeOf(path))}: ${path.join('.')}: a password stands in the file`,
  );
  throw new FerryError('config-invalid', problems.join('\n'), {
    remedy:
      'Take it from the environment: ${SOURCE_URL} for a URL, or ${SOURCE_PASSWORD} in the place of the password alone.',
  });
}

/**
 * What follows on a change of a source table's columns.
 * @param source as {@link routeName} says it.
 */
export function schemaPolicy(pipeline: Pick<Pipeline, 'schemaChanges' | 'tables'>, source: string): SchemaChangePolicy {
  const mapping = pipeline.tables.find((table) => routeName(table) === source);
  const policy = mapping?.schemaChanges ?? pipeline.schemaChanges;
  // Rows of other tables stand in the same table of the target, under the columns of another mapping.
  return (mapping?.lineage || mapping?.join) && policy === 'propagate' ? 'halt' : policy;
}

/** A way back copies nothing; what a copy brings comes table by table. */
function refuseJoins(tables: readonly TableMapping[]): void {
  const joined = tables.find(({ join }) => join);
  if (!joined) return;
  throw new FerryError(
    'mapping-invalid',
    `${formatPlace(joined.place)}: \`join\` stands in a way back alone: a copy would bring parts of rows before the rows that they are of`,
    { remedy: 'Use `merge` where the rows of several tables become rows of one.' },
  );
}

/**
 * Each target table is one of the mapping's alone, save for those that are merged or joined, each of whose source tables
 * comes once.
 */
function refuseTwice(tables: readonly TableMapping[]): void {
  const targets = new Map<string, TableMapping[]>();
  for (const mapping of tables) {
    const { source, target, place } = mapping;
    const [from, to] = [displayName(source), displayName(target)];
    const before = targets.get(to) ?? [];
    if (before[0] && !isOneEntry(mapping, before[0])) {
      throw twice(place, `the target table ${to} is mapped already at ${formatPlace(before[0].place)}`);
    }
    const same = before.find((one) => displayName(one.source) === from);
    if (same) throw twice(place, `${from} goes to ${to} already at ${formatPlace(same.place)}`);
    targets.set(to, [...before, mapping]);
  }
  for (const mapping of tables) {
    const { schema } = mapping.target;
    const beside = routesOf(tables, mapping).filter(({ target }) => target.schema === schema);
    if (beside[MAX_TABLES_OF_A_SCHEMA] !== mapping) continue;
    const what = `${displayName(mapping.source)} goes to more than ${MAX_TABLES_OF_A_SCHEMA} tables of the schema ${schema}`;
    throw twice(mapping.place, what);
  }
}

/** Both stand in one `merge`, which has one list of columns, or in one `join`: a file names a table once. */
function isOneEntry({ lineage, join, place }: TableMapping, before: TableMapping): boolean {
  if (lineage) return before.lineage?.unique === lineage.unique;
  return join !== undefined && before.join !== undefined && before.place.file === place.file;
}

function twice(place: FilePlace, what: string): FerryError {
  return new FerryError('mapping-invalid', `${formatPlace(place)}: ${what}`);
}

/** Mappings of a source table that has several are told apart by their target. */
function withRoutes(tables: readonly TableMapping[]): TableMapping[] {
  const routed = tables.map((table) =>
    routesOf(tables, table).length === 1
      ? table
      : { ...table, route: `${displayName(table.source)} -> ${displayName(table.target)}` },
  );
  return routed.map((table) => {
    const { lineage } = table;
    return lineage ? { ...table, lineage: { ...lineage, sources: mergedWith(routed, table).map(routeName) } } : table;
  });
}
