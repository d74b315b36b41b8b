import { keyText, type Subject } from './letter.js';

/** Whole table: a truncate of it stands. */
const WHOLE = 'whole';

/**
 * The rows of which a change stands in the dead letters. What comes later for them must follow it there: applied around
 * it, the row would hold what the source never held.
 */
export class StandingKeys {
  readonly #tables = new Map<string, Set<string> | typeof WHOLE>();
  /** Letters that were refused, those that only follow not counted. */
  refused = 0;

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  isAbout(table: string): boolean {
    return this.#tables.has(table);
  }

  /** The change must follow. */
  holds({ tables, keys }: Subject): boolean {
    return tables.some((table) => {
      const standing = this.#tables.get(table);
      if (standing === undefined) return false;
      return standing === WHOLE || keys === undefined || keys.some((key) => standing.has(keyText(key)));
    });
  }

  add({ tables, keys }: Subject): void {
    for (const table of tables) {
      const standing = this.#tables.get(table);
      if (standing === WHOLE) continue;
      if (keys === undefined) {
        this.#tables.set(table, WHOLE);
        continue;
      }
      const known = standing ?? new Set();
      for (const key of keys) known.add(keyText(key));
      this.#tables.set(table, known);
    }
  }
}

/**
 * The letters that cannot be separated from the given ones: of the same rows, over any number of key changes.
 * @param letters in their order.
 */
export function connectedTo<T extends Subject>(letters: readonly T[], chosen: readonly T[]): Set<T> {
  const found = new Set(chosen);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    const keys = new StandingKeys();
    for (const letter of found) keys.add(letter);
    for (const letter of letters) if (keys.holds(letter)) found.add(letter);
  }
  return found;
}
