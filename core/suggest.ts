/**
 * The candidate that was most likely meant.
 * @returns undefined when nothing is near: a suggestion that is far off misleads.
 */
export function suggest(wanted: string, candidates: Iterable<string>): string | undefined {
  // Two swapped letters are a distance of 2.
  const limit = wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** `; did you mean x?`, or nothing. */
export function didYouMean(wanted: string, candidates: Iterable<string>): string {
  const name = suggest(wanted, candidates);
  return name === undefined ? '' : `; did you mean ${name}?`;
}

/** Levenshtein's distance, one row of the table at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
