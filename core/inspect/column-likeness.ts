import { editDistance } from '../suggest.js';
import type { ColumnFacts } from './table-facts.js';
import { likeness, type Weight, wordsOf } from './words.js';

/** Columns of two tables that seem to hold the same thing. */
export interface ColumnPair {
  readonly a: ColumnFacts;
  readonly b: ColumnFacts;
  /** 1 for one name and kind of type, less where they only resemble. */
  readonly likeness: number;
}

/** Below this two names have too little in common to be one column. */
const RESEMBLES = 0.6;
/** What a pair counts whose types are of two kinds: a `status` as text and as an enum is still one status. */
const OTHER_KIND = 0.6;

/**
 * Pairs the columns of two tables: those of one name, then the most similar first; each column is in one pair at most.
 * @param weight of the words of column names.
 */
export function pairColumns(a: readonly ColumnFacts[], b: readonly ColumnFacts[], weight: Weight): ColumnPair[] {
  const named = new Map(b.map((column) => [column.name, column]));
  const same = a.flatMap((ours): ColumnPair[] => {
    const theirs = named.get(ours.name);
    return theirs ? [{ a: ours, b: theirs, likeness: kindLikeness(ours, theirs) }] : [];
  });
  const left = (columns: readonly ColumnFacts[], side: 'a' | 'b') =>
    columns.filter((column) => !same.some((pair) => pair[side] === column));
  return [...same, ...pairSimilar(left(a, 'a'), left(b, 'b'), weight)];
}

function pairSimilar(a: readonly ColumnFacts[], b: readonly ColumnFacts[], weight: Weight): ColumnPair[] {
  const pairs = a.flatMap((ours) =>
    b
      .map((theirs) => ({ a: ours, b: theirs, likeness: columnLikeness(ours, theirs, weight) }))
      .filter((pair) => pair.likeness > 0),
  );
  pairs.sort((one, other) => other.likeness - one.likeness);
  const taken = new Set<ColumnFacts>();
  return pairs.filter((pair) => {
    if (taken.has(pair.a) || taken.has(pair.b)) return false;
    taken.add(pair.a).add(pair.b);
    return true;
  });
}

function columnLikeness(a: ColumnFacts, b: ColumnFacts, weight: Weight): number {
  const named = nameLikeness(a.name, b.name, weight);
  return named < RESEMBLES ? 0 : named * kindLikeness(a, b);
}

function kindLikeness(a: ColumnFacts, b: ColumnFacts): number {
  return kindOf(a.type) === kindOf(b.type) ? 1 : OTHER_KIND;
}

function nameLikeness(a: string, b: string, weight: Weight): number {
  const [ours, theirs] = [wordsOf(a), wordsOf(b)];
  if (ours.join(' ') === theirs.join(' ')) return 1;
  // `expiry_at`, `expires_at`: a spelling of one word, which words alone would not see.
  const spelling = 1 - editDistance(a, b) / Math.max(a.length, b.length);
  return Math.max(likeness(ours, theirs, weight), spelling >= SPELLING ? spelling : 0);
}

const SPELLING = 0.75;

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\[\]$/, 'array'],
  [/^(smallint|integer|bigint|numeric|real|double precision)/, 'number'],
  [/^(text|character|citext|public\.citext|"char"|name)/, 'text'],
  [/^(timestamp|date|time)/, 'time'],
  [/^jsonb?/, 'json'],
];

/** What values of a type are like; a type that stands for itself otherwise. */
export function kindOf(type: string): string {
  return KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? type.replace(/\(.*$/, '');
}
