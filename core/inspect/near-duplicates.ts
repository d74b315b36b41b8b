import { type ColumnPair, kindOf, pairColumns } from './column-likeness.js';
import { type ColumnFacts, type Reference, sortedByName, type TableFacts } from './table-facts.js';
import { likeness, rarity, type Weight, wordsOf } from './words.js';

/** Two tables that look as if they held the same thing. */
export interface LikePair {
  readonly a: TableFacts;
  readonly b: TableFacts;
  /** Of their columns and of their names, 0 to 1. */
  readonly columns: number;
  readonly names: number;
  readonly pairs: readonly ColumnPair[];
}

/** Values sampled out of a table, hashed: table -> column -> hashes of its distinct values. */
export type ValueSamples = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** A pair that is one thing twice, and what says so. */
export interface NearDuplicate extends LikePair {
  /** Of the sampled values of paired columns, 0 to 1; null where none could be compared. */
  readonly values: number | null;
  /** All together, 0 to 1. */
  readonly score: number;
}

/** Worth a look at their values. */
const WORTH_SAMPLING = 0.45;
/** From here on a person should hear of it. */
const SAME = 0.6;
const COLUMNS = 0.65;
/** How far values that are alike bring a pair nearer to certainty. Others than these say nothing: copies drift apart. */
const VALUES = 0.5;

/**
 * Pairs of tables with columns and names alike. A table that refers to the other is a part of it, a history or a line,
 * and no copy.
 * @returns the most alike first.
 */
export function likePairs(tables: readonly TableFacts[], references: readonly Reference[]): LikePair[] {
  const ofTables = rarity(tables.map(({ table }) => wordsOf(table)));
  const ofColumns = rarity(tables.map(({ columns }) => columns.flatMap(({ name }) => wordsOf(name))));
  const tied = new Set(references.flatMap(({ from, to }) => [`${from} ${to}`, `${to} ${from}`]));
  const pairs: LikePair[] = [];
  const outlines = sortedByName(tables).map((table) => outlineOf(table, ofColumns));
  outlines.forEach((one, index) => {
    for (const other of outlines.slice(index + 1)) {
      const [a, b] = [one.table, other.table];
      if (tied.has(`${a.name} ${b.name}`) || !mayBeAlike(one, other, ofTables)) continue;
      const pair = compare(a, b, ofTables, ofColumns);
      if (scoreOf(pair, null) >= WORTH_SAMPLING) pairs.push(pair);
    }
  });
  return pairs.sort((one, other) => scoreOf(other, null) - scoreOf(one, null));
}

/** What is worked out of a table once, since it is held against every other one. */
interface Outline {
  readonly table: TableFacts;
  readonly words: readonly string[];
  /** Weights of its columns, by name, and all together. */
  readonly columns: ReadonlyMap<string, number>;
  readonly total: number;
}

function outlineOf(table: TableFacts, ofColumns: Weight): Outline {
  const columns = new Map(table.columns.map(({ name }) => [name, weightOf(name, ofColumns)]));
  return { table, words: wordsOf(table.table), columns, total: sum([...columns.values()]) };
}

/** What columns of similar names may add to those of one name. */
const SIMILAR = 0.25;

/** Cheap, for every two tables of the source: whether a closer look can find them worth sampling. */
function mayBeAlike(a: Outline, b: Outline, ofTables: Weight): boolean {
  const common = sum([...a.columns].map(([name, weight]) => (b.columns.has(name) ? weight : 0)));
  const columns = Math.min(1, (2 * common) / (a.total + b.total) + SIMILAR);
  return scoreOf({ columns, names: likeness(a.words, b.words, ofTables) }, null) >= WORTH_SAMPLING;
}

const weightOf = (name: string, ofColumns: Weight) => sum(wordsOf(name).map(ofColumns));
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

const commonIn = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].filter((one) => b.has(one)).length;

function compare(a: TableFacts, b: TableFacts, ofTables: Weight, ofColumns: Weight): LikePair {
  const pairs = pairColumns(a.columns, b.columns, ofColumns);
  const weigh = ({ name }: ColumnFacts) => weightOf(name, ofColumns);
  const total = sum([...a.columns, ...b.columns].map(weigh));
  const common = sum(pairs.map((pair) => (weigh(pair.a) + weigh(pair.b)) * pair.likeness));
  return {
    a,
    b,
    pairs,
    columns: total === 0 ? 0 : common / total,
    names: likeness(wordsOf(a.table), wordsOf(b.table), ofTables),
  };
}

/** Of the pairs those that are one thing twice, by what their values say besides. */
export function nearDuplicates(pairs: readonly LikePair[], samples: ValueSamples): NearDuplicate[] {
  return pairs
    .map((pair) => {
      const values = valueLikeness(pair, samples);
      return { ...pair, values, score: scoreOf(pair, values) };
    })
    .filter(({ score }) => score >= SAME);
}

function scoreOf({ columns, names }: Pick<LikePair, 'columns' | 'names'>, values: number | null): number {
  const looks = COLUMNS * columns + (1 - COLUMNS) * names;
  return looks + (1 - looks) * VALUES * (values ?? 0);
}

/**
 * Of all paired columns with values on both sides: how many values of the smaller sample the other has, too. Three
 * states that both have say less than a thousand addresses.
 */
function valueLikeness({ a, b, pairs }: LikePair, samples: ValueSamples): number | null {
  let [common, total] = [0, 0];
  for (const pair of pairs) {
    const [ours, theirs] = [samples.get(a.name)?.get(pair.a.name), samples.get(b.name)?.get(pair.b.name)];
    if (!ours?.size || !theirs?.size) continue;
    const weight = Math.log(1 + Math.min(ours.size, theirs.size));
    common += weight * overlap(ours, theirs);
    total += weight;
  }
  return total === 0 ? null : common / total;
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  return commonIn(a, b) / Math.min(a.size, b.size);
}

/** Every table has ids from one on, times and flags: that two have them in common tells nothing. */
const TELL_NOTHING = new Set(['number', 'time', 'json', 'boolean', 'bytea', 'interval']);

/** Columns of a table whose values are worth a sample: those that another table has, too. */
export function columnsToSample(pairs: readonly LikePair[]): Map<TableFacts, string[]> {
  const found = new Map<TableFacts, Set<string>>();
  const note = (table: TableFacts, { name, type }: ColumnFacts) => {
    if (!TELL_NOTHING.has(kindOf(type))) found.set(table, (found.get(table) ?? new Set()).add(name));
  };
  for (const { a, b, pairs: columns } of pairs) {
    for (const pair of columns) {
      note(a, pair.a);
      note(b, pair.b);
    }
  }
  return new Map([...found].map(([table, columns]) => [table, [...columns].sort()]));
}
