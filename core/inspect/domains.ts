import { schemaWorth, tiesBetween } from './affinity.js';
import { communitiesOf } from './communities.js';
import { CROSS_CUTTING, conceptsOf, isShared, SHARED } from './concepts.js';
import { type DomainName, nameDomain } from './domain-name.js';
import type { Reference, TableFacts } from './table-facts.js';
import { wordsOf } from './words.js';

/** Tables that belong together, and the schema that is proposed for them. */
export interface Domain {
  readonly schema: string;
  /** `schema.table` of the source, sorted. */
  readonly tables: readonly string[];
  /** For people: what they have in common. */
  readonly why: string;
}

export interface DomainInput {
  readonly tables: readonly TableFacts[];
  readonly references: readonly Reference[];
  /** Pairs that hold the same thing twice. */
  readonly copies: readonly (readonly [string, string])[];
  /** Schemas that the target keeps for others. */
  readonly taken: ReadonlySet<string>;
}

/** Half of the tables stand in schemas of their own: somebody has made domains, and what everybody refers to stays there. */
const DIVIDED = 2.5;

/** Referred to from this many other domains, a table is everybody's. */
const EVERYBODY = 3;

/**
 * Proposes a schema for each table: what is tied together in one, what everybody refers to in `shared`.
 * @returns every table once, the largest domain first.
 */
export function proposeDomains({ tables, references, copies, taken }: DomainInput): Domain[] {
  const isDivided = schemaWorth(tables) >= DIVIDED;
  const central = tables.filter((table) => isShared(wordsOf(table.table)) && !(isDivided && table.schema !== 'public'));
  const others = tables.filter((table) => !central.includes(table));
  const groups = communitiesOf(
    others.map(({ name }) => name),
    tiesBetween(others, references, copies),
  ).map((names) => others.filter(({ name }) => names.includes(name)));
  const book = new DomainBook(taken);
  const lone = groups.filter(({ length }) => length === 1).flat();
  for (const group of groups.filter(({ length }) => length > 1)) {
    book.put(group, nameDomain(group, tables, references));
  }
  for (const table of lone) book.put([table], homeOf(table, { book, others, tables, references }));
  if (central.length > 0) book.put(central, IN_THE_MIDDLE);
  if (!isDivided) {
    shareHubs(book, others, references);
    joinDependents(book, references);
  }
  return book.domains((group) => nameDomain(group, tables, references));
}

const IN_THE_MIDDLE: DomainName = { name: SHARED, why: 'every domain has to do with them' };

/** Where a table goes that nothing is tied to: with the bulk of the others, or with its like. */
function homeOf(
  table: TableFacts,
  known: {
    readonly book: DomainBook;
    readonly others: readonly TableFacts[];
    readonly tables: readonly TableFacts[];
    readonly references: readonly Reference[];
  },
): DomainName {
  const { book, others, tables, references } = known;
  const concepts = conceptsOf(wordsOf(table.table));
  const ofItsKind = concepts.find((concept) => !CROSS_CUTTING.has(concept) && book.has(concept));
  if (ofItsKind !== undefined) return { name: ofItsKind, why: `they are about ${ofItsKind}` };
  if (others.length === 1) return nameDomain([table], tables, references);
  if (concepts.length > 0 && concepts.every((concept) => CROSS_CUTTING.has(concept))) return IN_THE_MIDDLE;
  const bulk = book.largest();
  if (bulk !== undefined && bulk.size >= others.length / 2) return { name: bulk.name, why: '' };
  return { name: 'misc', why: 'nothing ties them to others' };
}

/** Moves to `shared` what most other domains refer to. */
function shareHubs(book: DomainBook, tables: readonly TableFacts[], references: readonly Reference[]): void {
  for (const table of tables) {
    const own = book.schemaOf(table.name);
    const referring = new Set(
      references.filter(({ from, to }) => to === table.name && from !== to).map(({ from }) => from),
    );
    const schemas = [...referring].flatMap((name) => book.schemaOf(name) ?? []);
    const outside = schemas.filter((schema) => schema !== own);
    const isEverybodys = new Set(outside).size >= EVERYBODY && outside.length > schemas.length - outside.length;
    if (isEverybodys) book.share(table);
  }
}

/** A few tables that hang on one other domain are a part of it. */
function joinDependents(book: DomainBook, references: readonly Reference[]): void {
  for (const { schema, tables } of book.domains()) {
    if (schema === SHARED || tables.length > FEW) continue;
    const outgoing = references
      .filter(({ from }) => tables.includes(from))
      .flatMap(({ to }) => book.schemaOf(to) ?? []);
    const [on, another] = new Set(outgoing.filter((other) => other !== schema && other !== SHARED));
    if (on !== undefined && another === undefined) book.join(schema, on);
  }
}

const FEW = 3;

/** The domains as they come about, by schema; groups of one name become one. */
class DomainBook {
  readonly #tables = new Map<string, Set<TableFacts>>();
  readonly #named = new Map<string, DomainName>();
  readonly #taken: ReadonlySet<string>;

  constructor(taken: ReadonlySet<string>) {
    this.#taken = taken;
  }

  put(group: readonly TableFacts[], named: DomainName): void {
    const schema = schemaName(named.name, this.#taken);
    this.#tables.set(schema, new Set([...(this.#tables.get(schema) ?? []), ...group]));
    if (!this.#named.has(schema)) this.#named.set(schema, named);
  }

  share(table: TableFacts): void {
    for (const tables of this.#tables.values()) tables.delete(table);
    this.put([table], IN_THE_MIDDLE);
  }

  join(schema: string, other: string): void {
    for (const table of this.#tables.get(schema)!) this.#tables.get(other)!.add(table);
    this.#tables.delete(schema);
  }

  has(name: string): boolean {
    return this.#tables.has(schemaName(name, this.#taken));
  }

  schemaOf(name: string): string | undefined {
    return [...this.#tables].find(([, tables]) => [...tables].some((table) => table.name === name))?.[0];
  }

  largest(): { readonly name: string; readonly size: number } | undefined {
    const sizes = [...this.#tables].map(([name, { size }]) => ({ name, size }));
    return sizes.sort((a, b) => b.size - a.size)[0];
  }

  /** @param nameAgain what a group that has grown would be called now: its reasons are those of all then. */
  domains(nameAgain?: (group: readonly TableFacts[]) => DomainName): Domain[] {
    return [...this.#tables]
      .filter(([, tables]) => tables.size > 0)
      .map(([schema, tables]) => {
        const named = this.#named.get(schema)!;
        const again = nameAgain?.([...tables]);
        const why = again?.name === named.name ? again.why : named.why;
        return { schema, tables: [...tables].map(({ name }) => name).sort(), why };
      })
      .sort((a, b) => b.tables.length - a.tables.length || (a.schema < b.schema ? -1 : 1));
  }
}

/** A schema's name of what a table may be called; none that the target keeps for others. */
function schemaName(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .slice(0, LONGEST);
  return taken.has(plain) || /^pg_/.test(plain) ? `app_${plain}` : plain;
}

/** PostgreSQL cuts names at 63 bytes. */
const LONGEST = 50;
