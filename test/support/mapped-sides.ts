import { parsePipeline } from '../../core/config/pipeline.js';
import type { MappedSides, SideColumn, SideTable, ValueType } from '../../core/mapping/invert/sides.js';
import { routeName } from '../../core/mapping.js';
import { displayName } from '../../core/relation.js';
import { candidateTable } from '../../platform/lineage-table.js';

const OIDS: Readonly<Record<string, number>> = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
};
const OWN = 20_000;
/** `atttypmod` of varchar(n) and char(n) is n + 4; of numeric(p,s) precision and scale beside it. */
const MODIFIERS: Readonly<Record<string, (digits: readonly number[]) => number>> = {
  varchar: ([n]) => n! + 4,
  bpchar: ([n]) => n! + 4,
  timestamp: ([n]) => n!,
  numeric: ([precision, scale = 0]) => ((precision! << 16) | scale) + 4,
};

/** `int4`, `varchar(3)`, `numeric(8,2)`, `text[]`, `enum(a,b)`. */
export function valueTypeOf(text: string): ValueType {
  if (text.endsWith('[]')) return { oid: OWN, name: 'array', typmod: -1, element: valueTypeOf(text.slice(0, -2)) };
  const [, name, inner] = /^(\w+)(?:\((.*)\))?$/.exec(text)!;
  if (name === 'enum') return { oid: OWN, name, typmod: -1, labels: inner!.split(',') };
  const typmod = inner === undefined ? -1 : MODIFIERS[name!]!(inner.split(',').map(Number));
  return { oid: OIDS[name!] ?? OWN, name: name!, typmod };
}

/** `id* int4, mail text!, joined date=`: a star says key, `!` NOT NULL, `=` that it has a default, `~` generated. */
export function sideTable(columns: string, identity: SideTable['identity'] = 'd'): SideTable {
  return { identity, columns: columns.split(/, (?![^(]*\))/).map(sideColumn) };
}

function sideColumn(text: string): SideColumn {
  const [, name, key, typeText, marks] = /^(\w+)(\*?) (.*?)([!=~]*)$/.exec(text)!;
  const values = valueTypeOf(typeText!);
  return {
    name: name!,
    type: values.oid,
    typmod: values.typmod,
    key: key !== '',
    typeText: typeText!,
    values,
    notNull: key !== '' || marks!.includes('!'),
    hasDefault: marks!.includes('='),
    isGenerated: marks!.includes('~'),
  };
}

/**
 * The mappings of a configuration with their tables.
 * @param mapping mapping files, by schema the YAML of their tables.
 * @param tables by name, `public.users`.
 */
export function mappedSides(
  mapping: Readonly<Record<string, string>>,
  tables: Readonly<Record<string, SideTable>>,
): MappedSides[] {
  const pipeline = { path: 'pipeline.yaml', text: 'pipeline: p\nsource: {url: s}\ntarget: {url: t}\n' };
  const mappings = Object.entries(mapping).map(([schema, text]) => ({
    path: `mapping/${schema}.yaml`,
    text: `schema: ${schema}\ntables:\n${text}`,
  }));
  return parsePipeline({ pipeline, mappings }, {}).tables.map((mapping) => ({
    mapping,
    source: tables[displayName(mapping.source)]!,
    target: tables[displayName(mapping.target)]!,
    ...(mapping.lineage ? { candidates: candidateTable(mapping.target, routeName(mapping)) } : {}),
  }));
}
