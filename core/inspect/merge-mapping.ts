import type { ColumnRule } from '../mapping/column-rule.js';
import { isSameSet } from '../same-set.js';
import type { MergedColumn } from './merges.js';
import type { ValueSamples } from './near-duplicates.js';
import { constantDefault, oneType } from './one-type.js';
import type { Reference, TableFacts } from './table-facts.js';

/** A merge as a mapping says it. */
export interface MergeMapping {
  /** Those that have precedence first. */
  readonly tables: readonly MergedTable[];
  /** Columns of the one table in which equal rows are one; none where no two are. */
  readonly unique: readonly string[];
  /** Columns of other tables that refer to a key that is made. */
  readonly references: readonly KeyReference[];
  /** What is to be known of it. */
  readonly remarks: readonly string[];
}

/** What a mapping says of one of the tables. */
export interface MergedTable {
  /** `schema.table`. */
  readonly table: string;
  /** Source column -> column of the one table. */
  readonly rename: Readonly<Record<string, string>>;
  readonly drop: readonly string[];
  /** Under REPLICA IDENTITY FULL. */
  readonly key?: readonly string[];
  /** By column of the one table. */
  readonly columns: Readonly<Record<string, ColumnRule>>;
}

export interface KeyReference {
  /** `schema.table` that refers, and its column. */
  readonly table: string;
  readonly column: string;
  /** What it refers to: `schema.table` of the source, and the column of the one table that its key becomes. */
  readonly to: string;
  readonly key: string;
}

/** What a merge is made from. */
export interface MergeScene {
  /** Those that have precedence first. */
  readonly tables: readonly TableFacts[];
  readonly columns: readonly MergedColumn[];
  readonly references: readonly Reference[];
  /** All tables of the source. */
  readonly all: readonly TableFacts[];
  /** Tables of every merge. */
  readonly merged: ReadonlySet<string>;
  readonly samples: ValueSamples;
  /** A UUID of its own for each name, always the same. */
  readonly namespaceOf: (name: string) => string;
}

/**
 * Says a merge in the mapping's words.
 * @returns why not, where what is known does not suffice.
 */
export function mergeMapping(scene: MergeScene): MergeMapping | { readonly obstacles: readonly string[] } {
  const keyless = scene.tables.flatMap(obstacleOf);
  if (keyless.length > 0) return { obstacles: keyless };
  const plan = planOf(scene);
  const spelled = plan.madeKey === undefined ? undefined : scene.tables.find(isNamed);
  if (spelled) return { obstacles: [`the key of ${spelled.name} is a text, and those of others are not of its type`] };
  const referring = plan.madeKey === undefined ? [] : referringTo(scene, plan.madeKey);
  const obstacles = referring.filter((one) => typeof one === 'string');
  if (obstacles.length > 0) return { obstacles };
  const { unique, origin, madeKey } = plan;
  return {
    tables: scene.tables.map((table) => mergedTable(table, scene, plan)),
    unique,
    references: referring.filter((one) => typeof one !== 'string'),
    remarks: [
      unique.length > 0
        ? `Rows that are equal in ${unique.join(', ')} are one: the first table's stands.`
        : 'Nothing tells that two rows are one: all of them stand.',
      ...(madeKey === undefined ? [] : [`The keys are numbers of each table, so ${madeKey} is made out of them.`]),
      `${origin} says which table a row came from.`,
      ...retyped(scene),
    ],
  };
}

function obstacleOf({ name, key, hasOtherIdentity }: TableFacts): string[] {
  if (key.length === 0) return [`${name} has no key: nothing tells where a row came from`];
  return hasOtherIdentity ? [`changes of ${name} name rows by another index than by its primary key`] : [];
}

/** A text says what its row is; made into something else it would be lost. */
function isNamed(table: TableFacts): boolean {
  return table.key.length === 1 && IS_TEXT.test(factsOf(table, table.key[0]!)?.type ?? '');
}

const IS_TEXT = /^(text|character|citext)/;

/** What holds for all tables of a merge. */
interface Plan {
  readonly unique: readonly string[];
  /** The column that is made out of each table's key; undefined: the keys move. */
  readonly madeKey: string | undefined;
  readonly origin: string;
}

function planOf(scene: MergeScene): Plan {
  const { columns } = scene;
  const names = new Set(columns.map(({ name }) => name));
  const origin = freeName(['origin', 'merged_from', 'source_table'], names);
  const natural = naturalKey(scene);
  const keys = movingKey(scene);
  if (!keys) return { unique: natural ?? [], madeKey: madeKeyName(scene, names), origin };
  // A UUID that two tables have is one row's; where none is, another column may tell that rows are one.
  const isShared = !keys.areUuids || haveCommonKeys(scene, keys.columns);
  return { unique: natural && !isShared ? natural : keys.columns, madeKey: undefined, origin };
}

function freeName(wished: readonly string[], taken: ReadonlySet<string>): string {
  const free = wished.find((name) => !taken.has(name));
  return free ?? freeName([`${wished[0]}_`], taken);
}

/** The column of the one table that a table's column becomes; undefined of one that does not move. */
function becomes({ columns }: MergeScene, table: TableFacts, column: string): string | undefined {
  if (factsOf(table, column)?.isGenerated) return undefined;
  return columns.find(({ from }) => from[table.name] === column)?.name;
}

function factsOf({ columns }: TableFacts, name: string) {
  return columns.find((column) => column.name === name);
}

/** Columns of the one table that the keys of all tables become, where values of them mean a row whichever table has it. */
function movingKey(scene: MergeScene): { readonly columns: readonly string[]; readonly areUuids: boolean } | undefined {
  const keys = scene.tables.map((table) =>
    table.key.map((column) => ({ name: becomes(scene, table, column), type: factsOf(table, column)?.type ?? '' })),
  );
  const [first, ...others] = keys as [(typeof keys)[number], ...typeof keys];
  const spelled = (key: typeof first) =>
    key
      .map(({ name, type }) => `${name} ${type}`)
      .sort()
      .join('\n');
  if (others.some((key) => spelled(key) !== spelled(first))) return undefined;
  if (first.some(({ name, type }) => name === undefined || !NAMES_A_ROW.test(type))) return undefined;
  return { columns: first.map(({ name }) => name!), areUuids: first.every(({ type }) => type === 'uuid') };
}

/** Numbers are counted in each table by itself. */
const NAMES_A_ROW = /^(uuid$|text|character|citext)/;

function haveCommonKeys({ tables, samples, columns }: MergeScene, key: readonly string[]): boolean {
  const from = columns.find(({ name }) => name === key[0])!.from;
  const seen = new Set<string>();
  for (const { name } of tables) {
    const values = samples.get(name)?.get(from[name]!) ?? new Set<string>();
    if ([...values].some((value) => seen.has(value))) return true;
    for (const value of values) seen.add(value);
  }
  return false;
}

/** Columns of the one table in which every one of the tables is unique, beside its key; the fewest. */
function naturalKey(scene: MergeScene): readonly string[] | undefined {
  const [first, ...others] = scene.tables.map((table) =>
    (table.uniques ?? []).map((columns) => columns.map((column) => becomes(scene, table, column))),
  );
  const isSame = (a: readonly (string | undefined)[], b: readonly (string | undefined)[]) =>
    a.length === b.length && a.every((name) => name !== undefined && b.includes(name));
  const common = first!.filter((one) => others.every((uniques) => uniques.some((other) => isSame(one, other))));
  const known = common.filter((names): names is string[] => !names.includes(undefined));
  return known.sort((a, b) => a.length - b.length)[0];
}

/** The column of the keys, where each is one column of that name or its table has none of it. */
function madeKeyName({ tables, columns }: MergeScene, taken: ReadonlySet<string>): string {
  const isKeys = ({ from }: MergedColumn) =>
    tables.every(({ name, key }) => from[name] === undefined || (key.length === 1 && key[0] === from[name]));
  const ofAll = columns.find((column) => isKeys(column) && tables.every(({ name }) => column.from[name] !== undefined));
  const named = columns.find((column) => column.name === 'id');
  if (ofAll) return ofAll.name;
  return named && isKeys(named) ? 'id' : freeName(['id', 'row_id', 'merged_id'], taken);
}

function mergedTable(table: TableFacts, scene: MergeScene, { madeKey, origin }: Plan): MergedTable {
  const rename = new Map<string, string>();
  const drop: string[] = [];
  const columns = new Map<string, ColumnRule>();
  for (const column of scene.columns) {
    const own = column.from[table.name];
    const isOwn = own !== undefined && !factsOf(table, own)?.isGenerated;
    if (column.name === madeKey) {
      if (isOwn && own !== column.name) drop.push(own);
    } else if (isOwn) {
      const type = typeOf(column, scene);
      if (factsOf(table, own)!.type !== type) {
        columns.set(column.name, { from: own, cast: type });
        if (own !== column.name) drop.push(own);
      } else if (own !== column.name) rename.set(own, column.name);
    } else {
      const rule = absent(column, scene);
      if (rule) columns.set(column.name, rule);
    }
  }
  if (madeKey !== undefined) columns.set(madeKey, { uuid: [...table.key], namespace: scene.namespaceOf(table.name) });
  columns.set(origin, { constant: originOf(table, scene) });
  return {
    table: table.name,
    rename: Object.fromEntries(rename),
    drop,
    ...(table.isFull ? { key: table.key } : {}),
    columns: Object.fromEntries(columns),
  };
}

/** The others of a merge that have the column, and what is known of it there. */
function holders({ from }: MergedColumn, { tables }: MergeScene) {
  return tables.flatMap((table) => {
    const facts = from[table.name] === undefined ? undefined : factsOf(table, from[table.name]!);
    return facts && !facts.isGenerated ? [facts] : [];
  });
}

function typeOf(column: MergedColumn, scene: MergeScene): string {
  return oneType(holders(column, scene).map(({ type }) => type));
}

/**
 * What rows get of a column that their table has not: its default, where that is a constant. One that is computed would
 * be computed while they are copied, and say nothing of them.
 */
function absent(column: MergedColumn, scene: MergeScene): ColumnRule | undefined {
  const expression = holders(column, scene).find((facts) => facts.default !== undefined)?.default;
  return expression === undefined ? undefined : { constant: constantDefault(expression) ?? null };
}

function originOf(table: TableFacts, { tables }: MergeScene): string {
  return tables.some((other) => other !== table && other.table === table.table) ? table.name : table.table;
}

/** What refers to a key that is made must be made in the same way; a text says where that cannot be. */
function referringTo(scene: MergeScene, key: string): (KeyReference | string)[] {
  return scene.references.flatMap((reference): (KeyReference | string)[] => {
    const { from, to, columns, refersTo } = reference;
    const parent = scene.tables.find(({ name }) => name === to);
    if (!parent || (refersTo && !isSameSet(refersTo, parent.key))) return [];
    const why = unmadeBecause(reference, scene);
    if (why) return [`${from} (${columns.join(', ')}) refers to the key of ${to}, which is made anew, and ${why}`];
    return [{ table: from, column: columns[0]!, to, key }];
  });
}

/** Why a column that refers to a key cannot be made as the key is. */
function unmadeBecause({ from, columns }: Reference, { all, merged }: MergeScene): string | undefined {
  if (merged.has(from)) return 'is merged itself';
  if (columns.length > 1) return 'does so by several columns';
  const table = all.find(({ name }) => name === from);
  const key = table?.key ?? [];
  if (table && factsOf(table, columns[0]!)?.isGenerated) return 'is generated';
  if (key.length === 0) return 'has no key: its rows move as they are';
  return key.includes(columns[0]!) ? 'has the column in its own key' : undefined;
}

function retyped(scene: MergeScene): string[] {
  return scene.columns.flatMap((column) => {
    const types = [...new Set(holders(column, scene).map(({ type }) => type))];
    return types.length < 2 ? [] : [`${column.name}: ${types.join(' and ')} become ${typeOf(column, scene)}.`];
  });
}
