import { FerryError } from '../errors.js';
import { parseExpression } from '../mapping/expression.js';
import type { TableRules } from '../mapping/table-rules.js';
import { type FilePlace, formatPlace, type TableMapping } from '../mapping.js';
import { displayName, parseQualifiedName, type QualifiedName } from '../relation.js';
import type { MappingFile } from './schema.js';
import type { SourceEntry, TableEntry } from './table-schema.js';
import type { ParsedFile } from './yaml-file.js';

/** What a mapping file says of one source table, and where. */
interface Written {
  readonly file: ParsedFile<MappingFile>;
  readonly path: readonly PropertyKey[];
  readonly entry: SourceEntry;
}

/**
 * The tables of one mapping file; of merged and joined ones each, in their order.
 * @throws FerryError `mapping-invalid` with file:line:column.
 */
export function tableMappings(file: ParsedFile<MappingFile>): TableMapping[] {
  const { schema, tables } = file.value;
  return Object.entries(tables).flatMap(([table, entry]) => {
    const target = { schema, table };
    const path = ['tables', table];
    const { merge, join, unique = [], lineage, schemaChanges } = entry;
    const common = { target, ...(schemaChanges ? { schemaChanges } : {}) };
    if (join) {
      return join.map(({ part, ...entry }, i): TableMapping => {
        const mapping = mappingOf({ file, path: [...path, 'join', i], entry }, common);
        return { ...mapping, join: part ? 'part' : 'rows', truncate: 'halt' };
      });
    }
    if (!merge) {
      const written = { file, path, entry: sourceEntry(entry) };
      const mapping = mappingOf(written, common);
      const sources = [displayName(mapping.source)];
      return [{ ...mapping, ...(lineage ? { lineage: { sources, unique, key: entry.key } } : {}) }];
    }
    const merged = merge.map((entry, i) => mappingOf({ file, path: [...path, 'merge', i], entry }, common));
    const sources = merged.map(({ source }) => displayName(source));
    return merged.map((mapping, i): TableMapping => ({ ...mapping, lineage: { sources, unique, key: merge[i]!.key } }));
  });
}

function sourceEntry({ from, ...entry }: TableEntry): SourceEntry {
  // The schema has refused an entry without any of `from`, `merge` and `join`.
  return { ...entry, from: from! };
}

function mappingOf(written: Written, common: Pick<TableMapping, 'target' | 'schemaChanges'>): TableMapping {
  const { file, path, entry } = written;
  const rules = rulesOf(written);
  const mapping: TableMapping = {
    ...common,
    source: sourceOf(written),
    rename: new Map(Object.entries(entry.rename)),
    ...(rules ? { rules } : {}),
    ...(entry.truncate === 'halt' ? { truncate: entry.truncate } : {}),
    ...(entry.partitions ? { partitions: entry.partitions } : {}),
    place: file.placeOfKey(path),
    columnPlaces: new Map(columnPlaces(written)),
  };
  refuseTwiceFilled(mapping);
  return mapping;
}

function sourceOf({ file, path, entry }: Written): QualifiedName {
  const source = parseQualifiedName(entry.from);
  if (source) return source;
  throw new FerryError(
    'mapping-invalid',
    `${formatPlace(file.placeOf([...path, 'from']))}: ${JSON.stringify(entry.from)} is not schema.table`,
  );
}

function rulesOf({ file, path, entry }: Written): TableRules | undefined {
  const { pick, drop, columns, where } = entry;
  if (!pick && !drop && !columns && where === undefined) return undefined;
  const rules = Object.entries(columns ?? {});
  return {
    ...(where === undefined
      ? {}
      : { where: { condition: parseExpression(where), place: file.placeOf([...path, 'where']) } }),
    pick,
    drop: drop ?? [],
    columns: new Map(rules),
    places: new Map(rules.map(([name]) => [name, file.placeOfKey([...path, 'columns', name])])),
  };
}

function columnPlaces({ file, path, entry }: Written): [string, FilePlace][] {
  const listed = (list: 'pick' | 'drop' | 'key') =>
    (entry[list] ?? []).map((column, i): [string, FilePlace] => [column, file.placeOf([...path, list, i])]);
  const renamed = Object.keys(entry.rename).map((column): [string, FilePlace] => [
    column,
    file.placeOfKey([...path, 'rename', column]),
  ]);
  return [...listed('key'), ...listed('pick'), ...listed('drop'), ...renamed];
}

/** A renamed column that goes nowhere, or two that go to one name, are a mistake that no catalog is needed for. */
function refuseTwiceFilled({ rename, rules, columnPlaces, place }: TableMapping): void {
  const seen = new Map<string, string>();
  for (const [column, name] of rename) {
    const at = formatPlace(columnPlaces.get(column) ?? place);
    const isLeft = rules?.drop.includes(column) || (rules?.pick && !rules.pick.includes(column));
    if (isLeft) throw new FerryError('mapping-invalid', `${at}: ${column} is renamed and does not move`);
    if (rules?.columns.has(name)) {
      throw new FerryError('mapping-invalid', `${at}: ${column} becomes ${name}, which has a rule of its own`);
    }
    const other = seen.get(name);
    if (other !== undefined)
      throw new FerryError('mapping-invalid', `${at}: ${other} and ${column} both become ${name}`);
    seen.set(name, column);
  }
}
