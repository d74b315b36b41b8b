import type { Assignment } from './assign-tables.js';
import { mappingFile, renderMapping } from './render-mapping.js';
import { renderPipeline } from './render-pipeline.js';
import type { NewFile } from './write-files.js';

/** What a pipeline's first configuration is written from. */
export interface ConfigContent {
  /** Name of the pipeline. */
  readonly name: string;
  readonly brokers?: string | undefined;
  readonly assignment: Assignment;
  /** Of the tables that move, by OID. */
  readonly bytes: ReadonlyMap<number, number>;
  /** Lines for people: above a mapping file, by its schema, and above a table, by its `schema.table` in the source. */
  readonly heads?: ReadonlyMap<string, readonly string[]>;
  readonly notes?: ReadonlyMap<string, readonly string[]>;
}

/** `pipeline.yaml`, and a mapping file for each domain schema. */
export function configFiles({ name, brokers, assignment, bytes, heads, notes }: ConfigContent): NewFile[] {
  const { tables, left } = assignment;
  const schemas = new Set([
    ...tables.map(({ target }) => target.schema),
    ...left.flatMap(({ schema }) => schema ?? []),
  ]);
  const unmapped = left.filter(({ schema }) => schema === undefined);
  return [
    { path: 'pipeline.yaml', text: renderPipeline({ name, brokers, left: unmapped }) },
    ...[...schemas].sort().map((schema) => ({
      path: mappingFile(schema),
      text: renderMapping(schema, {
        tables: tables.filter(({ target }) => target.schema === schema),
        left: left.filter((table) => table.schema === schema),
        bytes,
        head: heads?.get(schema),
        notes,
      }),
    })),
  ];
}
