/** PostgreSQL cuts a name at this many bytes. */
const NAME_BYTES = 63;

/**
 * Names that are taken in each schema. Two source schemas may come together in one domain schema, and then each has
 * its `status` or its `users_pkey`: the second gets its source schema in front.
 */
export class NameBook {
  readonly #taken = new Map<string, Set<string>>();

  constructor(taken: Iterable<{ readonly schema: string; readonly name: string }> = []) {
    for (const { schema, name } of taken) this.#of(schema).add(name);
  }

  /** Takes a name in a schema; the name itself where it is free. */
  claim(schema: string, name: string, sourceSchema: string): string {
    const taken = this.#of(schema);
    const longer = `${sourceSchema}_${name}`;
    let candidate = cutToFit(name, '');
    for (let number = 1; taken.has(candidate); number++) candidate = cutToFit(longer, number === 1 ? '' : `_${number}`);
    taken.add(candidate);
    return candidate;
  }

  #of(schema: string): Set<string> {
    const found = this.#taken.get(schema) ?? new Set<string>();
    this.#taken.set(schema, found);
    return found;
  }
}

function cutToFit(name: string, suffix: string): string {
  let cut = name;
  while (Buffer.byteLength(cut + suffix) > NAME_BYTES) cut = [...cut].slice(0, -1).join('');
  return cut + suffix;
}
