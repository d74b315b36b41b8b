import { Document, type Node } from 'yaml';
import { formatExpression } from '../mapping/format-expression.js';
import type { TableMapping } from '../mapping.js';
import { formatQualifiedName } from '../relation.js';
import { literal } from './env-references.js';
import { type EntryComment, yamlText } from './yaml-text.js';

/** What a mapping file says to its readers. */
export interface MappingComments {
  readonly head: readonly string[];
  /** Above a table; above its entry where it is joined with others. */
  readonly table: (mapping: TableMapping) => readonly string[];
  /** Above a table that several are joined in. */
  readonly joined: readonly string[];
  /** Above its key `truncate`, save where it is joined. */
  readonly truncate: readonly string[];
  readonly tail: readonly string[];
}

/**
 * The text of `mapping/<schema>.yaml`, which reads as these mappings.
 * @param tables of one domain schema, without lineage; those of one table are joined.
 */
export function writeMapping(schema: string, tables: readonly TableMapping[], comments: MappingComments): string {
  const byTarget = new Map<string, TableMapping[]>();
  for (const mapping of tables) {
    const { table } = mapping.target;
    byTarget.set(table, [...(byTarget.get(table) ?? []), mapping]);
  }
  const value = {
    schema: literal(schema),
    tables: Object.fromEntries(
      [...byTarget].map(([table, all]) => [table, all[0]!.join ? joinedEntry(all) : entryOf(all[0]!)]),
    ),
  };
  const entries = [...byTarget].flatMap(([table, all]): EntryComment[] => {
    const path = ['tables', table];
    if (!all[0]!.join) return commentsOf(all[0]!, path, comments);
    const joined = all.flatMap((mapping, i) => commentsOf(mapping, [...path, 'join', i], comments));
    return [{ path, lines: comments.joined }, ...joined];
  });
  return yamlText(value, { ...comments, entries });
}

function commentsOf(mapping: TableMapping, path: EntryComment['path'], comments: MappingComments): EntryComment[] {
  const truncate = mapping.truncate && !mapping.join ? [{ path: [...path, 'truncate'], lines: comments.truncate }] : [];
  return [{ path, lines: comments.table(mapping) }, ...truncate];
}

/** What a mapping says of its source table, as a file's entry or as one of those that it merges or joins. */
export type EntryMapping = Pick<TableMapping, 'source'> &
  Partial<Pick<TableMapping, 'rename' | 'rules' | 'lineage' | 'join' | 'truncate' | 'partitions' | 'schemaChanges'>>;

export function entryOf(mapping: EntryMapping): object {
  const { source, rename = new Map(), rules, lineage, join, truncate, partitions, schemaChanges } = mapping;
  const { where, pick, drop = [], columns = new Map() } = rules ?? {};
  return {
    from: literal(formatQualifiedName(source)),
    ...(join === 'part' ? { part: true } : {}),
    ...(rename.size > 0 ? { rename: onOneLine(Object.fromEntries(rename)) } : {}),
    ...(where ? { where: literal(formatExpression(where.condition)) } : {}),
    ...(pick ? { pick: onOneLine(pick) } : {}),
    ...(drop.length > 0 ? { drop: onOneLine(drop) } : {}),
    ...(columns.size > 0
      ? { columns: Object.fromEntries([...columns].map(([name, rule]) => [name, onOneLine(rule)])) }
      : {}),
    ...(lineage?.key ? { key: onOneLine(lineage.key) } : {}),
    ...(truncate ? { truncate } : {}),
    ...(partitions ? { partitions } : {}),
    ...(schemaChanges ? { schemaChanges } : {}),
  };
}

/** Tables into one: the entries in their order, and the columns in which rows are one. */
export function mergedEntry(mappings: readonly EntryMapping[]): object {
  const unique = mappings[0]?.lineage?.unique ?? [];
  return { merge: mappings.map(entryOf), ...(unique.length > 0 ? { unique: onOneLine(unique) } : {}) };
}

/** Tables whose rows are of one table, in their order. */
function joinedEntry(mappings: readonly TableMapping[]): object {
  const { schemaChanges } = mappings[0]!;
  return {
    join: mappings.map(({ schemaChanges: _, ...mapping }) => entryOf(mapping)),
    ...(schemaChanges ? { schemaChanges } : {}),
  };
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
