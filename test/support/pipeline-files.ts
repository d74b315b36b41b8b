import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QualifiedName } from '../../core/relation.js';
import { formatQualifiedName, parseQualifiedName } from '../../core/relation.js';
import type { SchemaChangePolicy } from '../../core/schema-change.js';
import { quoteIdentifier, quoteName } from '../../platform/postgres.js';

/** Where a target table's rows come from: `schema.table`, or an entry of the mapping. */
export type TableSource =
  | string
  | {
      readonly from: string;
      readonly rename?: Readonly<Record<string, string>>;
      readonly schemaChanges?: SchemaChangePolicy;
      readonly truncate?: 'halt';
      /** As a mapping file has them; the target's table is made by the test then. */
      readonly where?: string;
      readonly pick?: readonly string[];
      readonly drop?: readonly string[];
      readonly columns?: Readonly<Record<string, object>>;
      readonly lineage?: true;
      readonly key?: readonly string[];
    }
  /** Several tables into one, which the test makes. */
  | { readonly merge: readonly object[]; readonly unique?: readonly string[] };

/** Domain schema -> target table -> source table. */
export type Tables = Readonly<Record<string, Readonly<Record<string, TableSource>>>>;

/**
 * Writes the configuration directory of a pipeline; YAML reads JSON too, in which every name can be written. The
 * databases are those that SOURCE_URL and TARGET_URL name.
 */
export async function writePipelineFiles(
  directory: string,
  options: {
    readonly name: string;
    readonly tables: Tables;
    /** The embedded log otherwise. */
    readonly kafka?: { readonly brokers: readonly string[]; readonly replicationFactor?: number };
    readonly partitions?: number;
    /** Text of the module of the rule `call`. */
    readonly functions?: string;
    readonly capture?: Readonly<Record<string, number | string>>;
    readonly apply?: Readonly<Record<string, number | string>>;
  },
): Promise<void> {
  const { name, tables, kafka, partitions = 1, functions, capture, apply } = options;
  const log = kafka ?? { directory: join(directory, 'log') };
  const pipeline = {
    pipeline: name,
    source: { url: '${SOURCE_URL}' },
    target: { url: '${TARGET_URL}' },
    log: { ...log, partitions },
    ...(functions === undefined ? {} : { functions: 'functions.mjs' }),
    ...(capture ? { capture } : {}),
    ...(apply ? { apply } : {}),
  };
  await mkdir(directory, { recursive: true });
  if (functions !== undefined) await writeFile(join(directory, 'functions.mjs'), functions);
  await writeFile(join(directory, 'pipeline.yaml'), JSON.stringify(pipeline, null, 2));
  await writeMappingFiles(directory, tables);
}

/** Writes `mapping/*.yaml`, in the place of what was there. */
export async function writeMappingFiles(directory: string, tables: Tables): Promise<void> {
  const folder = join(directory, 'mapping');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [index, [schema, mapped]] of Object.entries(tables).entries()) {
    const entries = Object.entries(mapped).map(([table, source]) => [
      table,
      typeof source === 'string' ? { from: source } : source,
    ]);
    const mapping = { schema, tables: Object.fromEntries(entries) };
    await writeFile(join(folder, `${index}.yaml`), JSON.stringify(mapping, null, 2));
  }
}

/** SQL that moves tables, made in the target as they are in the source, to where the mapping has them. */
export function moveTablesSql(tables: Tables): string {
  return Object.entries(tables)
    .flatMap(([schema, mapped]) => [
      `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`,
      ...Object.entries(mapped).flatMap(([table, source]) => moveTableSql({ schema, table }, source)),
    ])
    .join(';\n');
}

function moveTableSql(to: QualifiedName, source: TableSource): string[] {
  if (typeof source !== 'string') {
    if ('merge' in source || (source.where ?? source.pick ?? source.drop ?? source.columns)) return [];
  }
  const { from, rename = {} } = typeof source === 'string' ? { from: source } : source;
  const name = parseQualifiedName(from);
  if (!name) throw new Error(`${from} is not schema.table, as formatQualifiedName() writes it`);
  const moved = { schema: to.schema, table: name.table };
  return [
    ...(name.schema === to.schema ? [] : [`ALTER TABLE ${quoteName(name)} SET SCHEMA ${quoteIdentifier(to.schema)}`]),
    ...(name.table === to.table ? [] : [`ALTER TABLE ${quoteName(moved)} RENAME TO ${quoteIdentifier(to.table)}`]),
    ...Object.entries(rename).map(
      ([column, renamed]) =>
        `ALTER TABLE ${quoteName(to)} RENAME COLUMN ${quoteIdentifier(column)} TO ${quoteIdentifier(renamed)}`,
    ),
  ];
}

/** public.t of each name to `<schema>.t`. */
export function fromPublic(...tables: readonly string[]): Record<string, string> {
  return Object.fromEntries(tables.map((table) => [table, formatQualifiedName({ schema: 'public', table })]));
}
