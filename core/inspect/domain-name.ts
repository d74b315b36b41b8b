import { conceptOf, concernsOf, SHARED } from './concepts.js';
import type { Reference, TableFacts } from './table-facts.js';
import { singular, wordsOf } from './words.js';

/** What to call tables that belong together, and why. */
export interface DomainName {
  readonly name: string;
  /** A clause for people: `7 of 9 are about billing`. */
  readonly why: string;
}

/** Shares of a group from which on what they have in common names it. */
const MOST = 0.75;
const HALF = 0.5;
const MANY = 1 / 3;

/**
 * Names a group by its schema where somebody has made one for it, by the word that its tables begin with, by what they
 * are about, or else by the table in the middle.
 * @param group not empty.
 * @param all every table of the source.
 */
export function nameDomain(
  group: readonly TableFacts[],
  all: readonly TableFacts[],
  references: readonly Reference[],
): DomainName {
  const prefix = prefixOf(group);
  const concern = concernOf(group);
  return (
    schemaOf(group, all) ??
    (prefix.share >= MOST ? prefix.named : undefined) ??
    (concern.share >= HALF ? concern.named : undefined) ??
    (prefix.share >= HALF ? prefix.named : undefined) ??
    (concern.share >= MANY ? concern.named : undefined) ??
    middleOf(group, references)
  );
}

interface Candidate {
  /** Of the group's tables that speak for it. */
  readonly share: number;
  readonly named: DomainName | undefined;
}

/** The source's own schema, where it is not public, holds most of the group, and holds little else. */
function schemaOf(group: readonly TableFacts[], all: readonly TableFacts[]): DomainName | undefined {
  const { value, count } = mostFrequent(group.map(({ schema }) => [schema]));
  if (value === undefined || value === 'public' || count < group.length * MOST) return undefined;
  const inSchema = all.filter(({ schema }) => schema === value).length;
  return count >= inSchema * HALF ? { name: value, why: `they stand in ${value} already` } : undefined;
}

function prefixOf(group: readonly TableFacts[]): Candidate {
  const first = group.map(({ table }) => wordsOf(table).slice(0, 1));
  const { value, count } = mostFrequent(first);
  if (value === undefined || count < 2 || conceptOf(value) === SHARED) return { share: 0, named: undefined };
  const concept = conceptOf(value);
  // `vendor_...` is called vendors and `oauth_...` auth, as their concerns are.
  const name = concept !== undefined && value.includes(singular(concept)) ? concept : value;
  return { share: count / group.length, named: { name, why: `${count} of ${group.length} are named ${value}...` } };
}

function concernOf(group: readonly TableFacts[]): Candidate {
  const spoken = group.map(({ table }) => concernsOf(wordsOf(table)).filter((concern) => concern !== SHARED));
  const { value, count } = mostFrequent(spoken);
  if (value === undefined) return { share: 0, named: undefined };
  return { share: count / group.length, named: { name: value, why: `${count} of ${group.length} are about ${value}` } };
}

/** The table that most others of the group refer to. */
function middleOf(group: readonly TableFacts[], references: readonly Reference[]): DomainName {
  const names = new Set(group.map(({ name }) => name));
  const inside = references.filter(({ from, to }) => from !== to && names.has(from) && names.has(to));
  const { value } = mostFrequent(inside.map(({ to }) => [to]));
  const middle = group.find(({ name }) => name === value) ?? group[0]!;
  return { name: middle.table, why: value === undefined ? 'by its name alone' : `they refer to ${middle.name}` };
}

/** The first of those that stand in most lists. */
function mostFrequent(lists: readonly (readonly string[])[]): { value: string | undefined; count: number } {
  let best: { value: string | undefined; count: number } = { value: undefined, count: 0 };
  for (const value of new Set(lists.flat())) {
    const count = countOf(lists, value);
    if (count > best.count) best = { value, count };
  }
  return best;
}

const countOf = (lists: readonly (readonly string[])[], value: string) =>
  lists.filter((list) => list.includes(value)).length;
