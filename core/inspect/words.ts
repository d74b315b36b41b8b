/** What says that a table is a copy or a version of another, and nothing about what it holds. */
const NOISE = new Set(
  [
    'archive',
    'archived',
    'backup',
    'bak',
    'copy',
    'deprecated',
    'legacy',
    'new',
    'old',
    'orig',
    'tbl',
    'temp',
    'tmp',
  ].concat(['the', 'of', 'and', 'for', 'to', 'in', 'by']),
);

/**
 * The words of a name, singular and in lower case: `vendorApiKeys_v2` is vendor, api, key. Without what only tells a
 * copy from its original, unless nothing else is left.
 */
export function wordsOf(name: string): string[] {
  const all = name
    .replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
  const telling = all.filter((word) => !NOISE.has(word) && !/^v?\d+$/.test(word));
  return (telling.length > 0 ? telling : all).map(singular);
}

/** English plurals, well enough to compare two names: the same word gives the same answer, whichever it is. */
export function singular(word: string): string {
  if (word.length <= 3) return word;
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2);
  return /[^sui]s$/.test(word) ? word.slice(0, -1) : word;
}

/** How much a word tells: one that stands in every name tells nothing. */
export type Weight = (word: string) => number;

/** Weighs words by how few of the names have them. */
export function rarity(names: Iterable<readonly string[]>): Weight {
  const counts = new Map<string, number>();
  let total = 0;
  for (const words of names) {
    total++;
    for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return (word) => Math.log(1 + total / (counts.get(word) ?? 1));
}

/** How alike two lists of words are: twice the weight of the common ones over the weight of all; 0 to 1. */
export function likeness(a: readonly string[], b: readonly string[], weight: Weight): number {
  const [ours, theirs] = [new Set(a), new Set(b)];
  const sum = (words: Iterable<string>) => [...words].reduce((total, word) => total + weight(word), 0);
  const all = sum(ours) + sum(theirs);
  return all === 0 ? 0 : (2 * sum([...ours].filter((word) => theirs.has(word)))) / all;
}
