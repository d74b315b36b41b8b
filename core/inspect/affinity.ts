import { concernsOf, isCrossCutting, SHARED } from './concepts.js';
import type { Reference, TableFacts } from './table-facts.js';
import { wordsOf } from './words.js';

/** How strongly two tables belong together. */
export interface Tie {
  readonly a: string;
  readonly b: string;
  readonly weight: number;
}

/**
 * What each kind of evidence is worth. A foreign key counts by itself; names, concerns and schemas are a sum that each
 * table has to share out among its peers, so that twenty tables of one prefix are no tighter than three.
 */
const WORTH = { reference: 2, copy: 6, prefix: 2, word: 1, concern: 2 } as const;

/** A word that more of the tables have is no sign of belonging together. */
const COMMON_WORD = 0.4;

/**
 * The ties between tables: foreign keys, names, concerns, the source's own schemas.
 * @param copies pairs that hold the same thing twice.
 */
export function tiesBetween(
  tables: readonly TableFacts[],
  references: readonly Reference[],
  copies: readonly (readonly [string, string])[],
): Tie[] {
  const ties = new TieBook(new Set(tables.map(({ name }) => name)));
  const referring = countReferring(references);
  // Everybody refers to the few tables in the middle: each single reference to them says little.
  for (const { from, to } of references) ties.add(from, to, WORTH.reference / (1 + Math.log2(referring.get(to)!) / 2));
  for (const [a, b] of copies) ties.add(a, b, WORTH.copy);
  const words = new Map(tables.map((table) => [table.name, wordsOf(table.table)]));
  const few = Math.max(2, tables.length * COMMON_WORD);
  // That a table is of a user, or a log, says nothing about what it belongs to.
  const named = (part: (all: readonly string[]) => readonly string[]) =>
    [...groups(tables, ({ name }) => part(words.get(name)!).filter((word) => !isCrossCutting(word))).values()].filter(
      ({ length }) => length <= few,
    );
  for (const peers of named((all) => all.slice(0, 1))) ties.share(peers, WORTH.prefix);
  for (const peers of named((all) => all)) ties.share(peers, WORTH.word);
  for (const [concern, peers] of groups(tables, ({ name }) => concernsOf(words.get(name)!))) {
    if (concern !== SHARED) ties.share(peers, WORTH.concern);
  }
  for (const [schema, peers] of groups(tables, (table) => [table.schema])) {
    if (schema !== 'public') ties.share(peers, schemaWorth(tables));
  }
  return ties.all();
}

/** Nothing else weighs as much. */
const STRONGEST_SCHEMA = 10;

/** Schemas tell most where next to nothing stands in public: then somebody has made domains already. */
export function schemaWorth(tables: readonly TableFacts[]): number {
  const crowd = tables.filter(({ schema }) => schema === 'public').length;
  return STRONGEST_SCHEMA * (1 - crowd / Math.max(1, tables.length)) ** 2;
}

/** How many other tables refer to each. */
export function countReferring(references: readonly Reference[]): Map<string, number> {
  const referring = new Map<string, Set<string>>();
  for (const { from, to } of references) referring.set(to, (referring.get(to) ?? new Set()).add(from));
  return new Map([...referring].map(([name, { size }]) => [name, size]));
}

/** Tables by what they have in common; a table may be in several groups. */
function groups(
  tables: readonly TableFacts[],
  keysOf: (table: TableFacts) => readonly string[],
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const table of tables) {
    for (const key of new Set(keysOf(table))) found.set(key, [...(found.get(key) ?? []), table.name]);
  }
  return found;
}

/** Sums up what is known of each pair. */
class TieBook {
  readonly #ties = new Map<string, Tie>();
  readonly #known: ReadonlySet<string>;

  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  add(one: string, other: string, weight: number): void {
    if (one === other || !this.#known.has(one) || !this.#known.has(other)) return;
    const [a, b] = one < other ? [one, other] : [other, one];
    const key = JSON.stringify([a, b]);
    this.#ties.set(key, { a, b, weight: (this.#ties.get(key)?.weight ?? 0) + weight });
  }

  /** Each table shares its sum out among the others. */
  share(peers: readonly string[], sum: number): void {
    peers.forEach((a, index) => {
      for (const b of peers.slice(index + 1)) this.add(a, b, sum / (peers.length - 1));
    });
  }

  all(): Tie[] {
    return [...this.#ties.values()];
  }
}
