import { Document, type Node } from 'yaml';
import { formatExpression } from '../mapping/format-expression.js';
import type { TableMapping } from '../mapping.js';
import { formatQualifiedName } from '../relation.js';
import { literal } from './env-references.js';
import { type EntryComment, yamlText } from './yaml-text.js';

/** What a mapping file says to its readers. */
export interface MappingComments {
  readonly head: readonly string[];
  /** Above a table. */
  readonly table: (mapping: TableMapping) => readonly string[];
  /** Above its key `truncate`. */
  readonly truncate: readonly string[];
  readonly tail: readonly string[];
}

/**
 * The text of `mapping/<schema>.yaml`, which reads as these mappings.
 * @param tables of one domain schema, each of a table of its own and without lineage.
 */
export function writeMapping(schema: string, tables: readonly TableMapping[], comments: MappingComments): string {
  const value = {
    schema: literal(schema),
    tables: Object.fromEntries(tables.map((mapping) => [mapping.target.table, entryOf(mapping)])),
  };
  const entries = tables.flatMap((mapping): EntryComment[] => {
    const path = ['tables', mapping.target.table];
    const truncate = mapping.truncate ? [{ path: [...path, 'truncate'], lines: comments.truncate }] : [];
    return [{ path, lines: comments.table(mapping) }, ...truncate];
  });
  return yamlText(value, { ...comments, entries });
}

/** What a mapping says of its source table, as a file's entry or as one of those that it merges. */
export type EntryMapping = Pick<TableMapping, 'source'> &
  Partial<Pick<TableMapping, 'rename' | 'rules' | 'lineage' | 'truncate' | 'schemaChanges'>>;

export function entryOf({ source, rename = new Map(), rules, lineage, truncate, schemaChanges }: EntryMapping): object {
  const { where, pick, drop = [], columns = new Map() } = rules ?? {};
  return {
    from: literal(formatQualifiedName(source)),
    ...(rename.size > 0 ? { rename: onOneLine(Object.fromEntries(rename)) } : {}),
    ...(where ? { where: literal(formatExpression(where.condition)) } : {}),
    ...(pick ? { pick: onOneLine(pick) } : {}),
    ...(drop.length > 0 ? { drop: onOneLine(drop) } : {}),
    ...(columns.size > 0
      ? { columns: Object.fromEntries([...columns].map(([name, rule]) => [name, onOneLine(rule)])) }
      : {}),
    ...(lineage?.key ? { key: onOneLine(lineage.key) } : {}),
    ...(truncate ? { truncate } : {}),
    ...(schemaChanges ? { schemaChanges } : {}),
  };
}

/** Tables into one: the entries in their order, and the columns in which rows are one. */
export function mergedEntry(mappings: readonly EntryMapping[]): object {
  const unique = mappings[0]?.lineage?.unique ?? [];
  return { merge: mappings.map(entryOf), ...(unique.length > 0 ? { unique: onOneLine(unique) } : {}) };
}

function onOneLine(value: object): Node {
  return new Document().createNode(literals(value), { flow: true });
}

/** Keys are taken as they are written. */
function literals(value: unknown): unknown {
  if (typeof value === 'string') return literal(value);
  if (Array.isArray(value)) return value.map(literals);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, literals(item)]));
}
