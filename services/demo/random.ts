/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** 0 <= number < 1. */
  next(): number;
  /** A whole number, 0 <= number < below. */
  below(below: number): number;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32: 32 bits of state, enough to vary a workload. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { next, below, pick: (from) => from[below(from.length)]! };
}

const TEXTS = [
  'plain',
  'naïve café',
  '日本語',
  '🚀 launch',
  'two\nlines',
  'tab\there',
  `it's "quoted"`,
  'back\\slash \\N',
  '',
];

/** A short text, of those that careless code breaks. */
export function oddText(random: Random): string {
  return random.pick(TEXTS);
}

/** Text of 9,000 to 20,000 characters: it lives out of line, so that a later update may leave it unchanged. */
export function longText(random: Random): string {
  const word = `${oddText(random)} ${random.below(1_000_000).toString(36)} `;
  return word.repeat(Math.ceil((9_000 + random.below(11_000)) / word.length));
}

/** 1536 numbers between -1 and 1, as pgvector reads them. */
export function embedding(random: Random): string {
  const numbers = Array.from({ length: 1_536 }, () => (random.next() * 2 - 1).toFixed(3));
  return `[${numbers.join(',')}]`;
}
