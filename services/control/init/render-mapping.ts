import { literal } from '../../../core/config/env-references.js';
import { entryOf, mergedEntry } from '../../../core/config/write-mapping.js';
import { yamlText } from '../../../core/config/yaml-text.js';
import { displayName } from '../../../core/relation.js';
import { formatBytes } from '../preflight/format-bytes.js';
import { replicaKey } from '../preflight/replica-key.js';
import type { AssignedTable, LeftTable } from './assign-tables.js';
import { leftLines } from './render-pipeline.js';

/** What a mapping file is written from. */
export interface MappingContent {
  readonly tables: readonly AssignedTable[];
  /** Meant for the schema, and not moved. */
  readonly left: readonly LeftTable[];
  /** By table OID. */
  readonly bytes: ReadonlyMap<number, number>;
  /** Lines for people above the file and above a table, by its `schema.table` in the source. */
  readonly head?: readonly string[];
  readonly notes?: ReadonlyMap<string, readonly string[]>;
}

/** The text of `mapping/<schema>.yaml`. */
export function renderMapping(schema: string, content: MappingContent): string {
  const { tables, left, bytes, head = [], notes } = content;
  const byTarget = new Map<string, AssignedTable[]>();
  for (const table of tables) {
    const name = table.target.table;
    byTarget.set(name, [...(byTarget.get(name) ?? []), table]);
  }
  const value = {
    schema: literal(schema),
    tables: Object.fromEntries([...byTarget].map(([name, own]) => [name, tableEntry(own)])),
  };
  return yamlText(value, {
    head: [
      `The domain schema ${schema}: each table of the target, and where its rows come from.`,
      'A column keeps its name unless `rename: {old_name: new_name}` under the table says otherwise.',
      ...head,
    ],
    entries: [...byTarget].map(([name, own]) => ({
      path: ['tables', name],
      lines: [
        ...own.map((table) => `${own.length > 1 ? `${displayName(table.source)}: ` : ''}${describe(table, bytes)}`),
        ...(notes?.get(displayName(own[0]!.source)) ?? []),
      ],
    })),
    tail: leftLines('Not moved:', left),
  });
}

function tableEntry(tables: readonly AssignedTable[]): object {
  const mappings = tables.map(({ source, mapping }) => ({ source, ...mapping }));
  const [only, another] = mappings;
  return another ? mergedEntry(mappings) : entryOf(only!);
}

function describe({ source }: AssignedTable, bytes: ReadonlyMap<number, number>): string {
  const rows =
    source.estimatedRows === null
      ? 'rows unknown (never analyzed)'
      : `about ${source.estimatedRows.toLocaleString('en')} rows`;
  const key = replicaKey(source);
  const columns = 'columns' in key && key.columns.length > 0 ? key.columns.join(', ') : 'none';
  return `${rows}, ${formatBytes(bytes.get(source.oid) ?? 0)}, key (${columns})`;
}

/** File names allow less than schema names do. */
export function mappingFile(schema: string): string {
  const name = schema.replaceAll(/[^A-Za-z0-9._-]/g, (char) => `_x${char.codePointAt(0)!.toString(16)}_`);
  return `mapping/${name}.yaml`;
}
