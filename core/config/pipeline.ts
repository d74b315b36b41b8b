import { FerryError } from '../errors.js';
import { type FilePlace, formatPlace, type TableMapping } from '../mapping.js';
import { displayName, parseQualifiedName } from '../relation.js';
import type { SchemaChangePolicy } from '../schema-change.js';
import { hasLiteralPassword, isLiteral } from './literal-password.js';
import { mappingSchema, type PipelineConfig, pipelineSchema } from './schema.js';
import { type ParsedFile, parseYamlFile } from './yaml-file.js';

/** A text file of the configuration directory, by its path relative to it. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** One source, one target, one mapping: all that the files of `config/<pipeline>/` say. */
export interface Pipeline extends Omit<PipelineConfig, 'pipeline'> {
  readonly name: string;
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
  return { name, ...config, tables };
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

function tableMappings(file: ParsedFile<ReturnType<typeof mappingSchema.parse>>): TableMapping[] {
  const { schema, tables } = file.value;
  return Object.entries(tables).map(([table, entry]) => {
    const source = parseQualifiedName(entry.from);
    if (!source) {
      throw new FerryError(
        'mapping-invalid',
        `${formatPlace(file.placeOf(['tables', table, 'from']))}: ${JSON.stringify(entry.from)} is not schema.table`,
      );
    }
    return {
      source,
      target: { schema, table },
      rename: new Map(Object.entries(entry.rename)),
      ...(entry.schemaChanges ? { schemaChanges: entry.schemaChanges } : {}),
      place: file.placeOfKey(['tables', table]),
      columnPlaces: new Map(
        Object.keys(entry.rename).map((column) => [column, file.placeOfKey(['tables', table, 'rename', column])]),
      ),
    };
  });
}

/** What follows on a change of a source table's columns. */
export function schemaPolicy(pipeline: Pick<Pipeline, 'schemaChanges' | 'tables'>, source: string): SchemaChangePolicy {
  const mapping = pipeline.tables.find((table) => displayName(table.source) === source);
  return mapping?.schemaChanges ?? pipeline.schemaChanges;
}

function refuseTwice(tables: readonly TableMapping[]): void {
  const seen = { source: new Map<string, FilePlace>(), target: new Map<string, FilePlace>() };
  for (const mapping of tables) {
    for (const side of ['source', 'target'] as const) {
      const name = displayName(mapping[side]);
      const before = seen[side].get(name);
      if (before) {
        throw new FerryError(
          'mapping-invalid',
          `${formatPlace(mapping.place)}: the ${side} table ${name} is mapped already at ${formatPlace(before)}`,
        );
      }
      seen[side].set(name, mapping.place);
    }
  }
}
