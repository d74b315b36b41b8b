import type { ColumnRule } from '../../mapping/column-rule.js';
import { inputsOf } from '../../mapping/compile-rule.js';
import { mayGiveNull } from '../../mapping/may-give-null.js';
import { movedName, type Output, outputsOf } from '../../mapping/table-rules.js';
import { type TableMapping, targetColumn } from '../../mapping.js';
import { displayName } from '../../relation.js';
import { lastMaking, madeType } from '../rule-type.js';
import { type ColumnType, columnType, displayType, fits, holdsAll } from './column-type.js';
import { type DumpTable, isGenerated, isNotNull } from './dump-table.js';

/** One of the tables that become one. */
export interface MergedSource {
  readonly mapping: TableMapping;
  readonly table: DumpTable;
}

/** A column of the one table. */
export interface MergedColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly isNotNull: boolean;
  /** The column of the first table in whose place it stands. */
  readonly own: string | undefined;
  /** That column has another type. */
  readonly isRetyped: boolean;
  /** That column's default is one of it, too: rows of those that do not fill it get it. */
  readonly hasDefault: boolean;
  /** Those that fill it. */
  readonly filledBy: readonly MergedSource[];
}

/** Why the one table cannot be made, and what to do. */
export interface Problem {
  readonly why: string;
  readonly remedy: string;
}

/** How types are read. */
export interface TypeReader {
  /** Of its text; undefined of what is none. */
  named(type: string): unknown;
  isEnum(name: string): boolean;
}

/** What a source gives a column. */
interface Given {
  readonly source: MergedSource;
  /** Undefined where its values are of any type that there is. */
  readonly type: ColumnType | undefined;
  /** The mapping says it. */
  readonly isSaid: boolean;
  readonly isNotNull: boolean;
  /** Nothing but null. */
  readonly isNothing: boolean;
}

/** The columns of the one table, those of the first source before what others have besides; or why there are none. */
export function mergedColumns(
  sources: readonly MergedSource[],
  types: TypeReader,
): { readonly columns: readonly MergedColumn[]; readonly problems: readonly Problem[] } {
  const given = new Map<string, Given[]>();
  for (const source of sources) {
    for (const output of outputsOf(source.mapping, travelling(source))) {
      given.set(output.name, [...(given.get(output.name) ?? []), givenBy(source, output, types)]);
    }
  }
  const found = [...given].map(([name, all]) => mergedColumn(name, all, { sources, types }));
  return {
    columns: found.filter((one) => 'name' in one),
    problems: [...found.filter((one) => 'why' in one), ...generatedByOne(sources[0]!, given)],
  };
}

const travelling = ({ table }: MergedSource) => [...table.columns.keys()].filter((name) => !isGenerated(table, name));

function givenBy(source: MergedSource, output: Output, types: TypeReader): Given {
  const { table } = source;
  const typeOf = (column: string) => columnType(table.columns.get(column)?.typeName, types.isEnum);
  if (output.kind === 'move') {
    const type = typeOf(output.column);
    return { source, type, isSaid: false, isNotNull: isNotNull(table, output.column), isNothing: false };
  }
  const { rule } = output;
  const inputs = inputsOf(rule).map((column) => ({ notNull: isNotNull(table, column) }));
  const isNothing = rule.constant === null && rule.steps === undefined;
  return { source, ...ruleType(rule, typeOf, types), isNotNull: !mayGiveNull(rule, inputs), isNothing };
}

function ruleType(
  rule: ColumnRule,
  typeOf: (column: string) => ColumnType | undefined,
  types: TypeReader,
): Pick<Given, 'type' | 'isSaid'> {
  const read = (type: string) => columnType(types.named(type), types.isEnum);
  if (rule.cast !== undefined) return { type: read(rule.cast), isSaid: true };
  const last = lastMaking(rule);
  if (last?.map || (!last && rule.constant !== undefined)) return { type: undefined, isSaid: false };
  const from = last ? undefined : (rule.from ?? rule.coalesce?.[0]);
  return { type: from === undefined ? read(madeType(rule)) : typeOf(from), isSaid: false };
}

interface Scene {
  readonly sources: readonly MergedSource[];
  readonly types: TypeReader;
}

function mergedColumn(name: string, given: readonly Given[], { sources, types }: Scene): MergedColumn | Problem {
  const text = columnType(types.named('text'), types.isEnum)!;
  const known = given.flatMap(({ type }) => type ?? []);
  const said = given.flatMap(({ type, isSaid }) => (isSaid && type ? [type] : []));
  const [first] = sources as readonly [MergedSource, ...MergedSource[]];
  const own = ownColumn(first, name);
  const before = own === undefined ? undefined : columnType(first.table.columns.get(own)!.typeName, types.isEnum);
  const type = known.length === 0 ? (before ?? text) : said.length > 0 ? saidType(said, known) : holdsAll(known, text);
  if (!type) {
    const each = given.flatMap(({ type: one, source }) =>
      one ? [`${displayType(one)} of ${displayName(source.mapping.source)}`] : [],
    );
    return {
      why: `no type holds the values of ${name}: ${[...new Set(each)].join(', ')}`,
      remedy: 'Say in the mapping what it shall be, by `cast`.',
    };
  }
  const isRetyped = before !== undefined && !isSame(before, type);
  return {
    name,
    type,
    isNotNull: given.length === sources.length && given.every((one) => one.isNotNull),
    own,
    isRetyped,
    hasDefault: own !== undefined && !isRetyped && first.table.defaults.has(own),
    filledBy: given.filter(({ isNothing }) => !isNothing).map(({ source }) => source),
  };
}

/** The column of the first table that moves to this one, or in whose place a rule stands. */
function ownColumn({ mapping, table }: MergedSource, name: string): string | undefined {
  const columns = [...table.columns.keys()];
  const moved = columns.find((column) => movedName(mapping, column) === name);
  if (moved !== undefined || !mapping.rules?.columns.has(name)) return moved;
  return columns.find((column) => targetColumn(mapping, column) === name);
}

/** What the mapping says is the column's type: others must fit it. */
function saidType([first, ...others]: readonly ColumnType[], known: readonly ColumnType[]): ColumnType | undefined {
  return others.every((other) => isSame(other, first!)) && known.every((type) => fits(type, first!))
    ? first
    : undefined;
}

const isSame = (a: ColumnType, b: ColumnType) => fits(a, b) && fits(b, a);

/** A column that the first table computes takes no values of others. */
function generatedByOne({ mapping, table }: MergedSource, given: ReadonlyMap<string, unknown>): Problem[] {
  const computed = [...table.columns.keys()].filter((column) => isGenerated(table, column));
  return computed
    .map((column) => targetColumn(mapping, column))
    .filter((name) => given.has(name))
    .map((name) => ({
      why: `${name} is generated in ${displayName(mapping.source)}, and takes no values of others`,
      remedy: 'Leave it out of the others, by `drop`.',
    }));
}
