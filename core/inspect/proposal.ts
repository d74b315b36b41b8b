import { type Domain, proposeDomains } from './domains.js';
import { type KnownOfMerges, type Merge, proposeMerges } from './merges.js';
import { type LikePair, nearDuplicates, type ValueSamples } from './near-duplicates.js';
import { type Reference, sortedByName, type TableFacts } from './table-facts.js';

/** What we would do with a database that nobody understands: a first word, for people to correct. */
export interface Proposal {
  readonly domains: readonly Domain[];
  readonly merges: readonly Merge[];
}

export interface ProposalInput {
  readonly tables: readonly TableFacts[];
  readonly references: readonly Reference[];
  /** Of `likePairs`. */
  readonly pairs: readonly LikePair[];
  readonly samples: ValueSamples;
  /** Schemas that the target keeps for others. */
  readonly taken: ReadonlySet<string>;
  readonly namespaceOf: KnownOfMerges['namespaceOf'];
}

/** Proposes domains and merges. Tables that would be one are in one domain. */
export function propose(input: ProposalInput): Proposal {
  const { references, pairs, samples, taken, namespaceOf } = input;
  const tables = sortedByName(input.tables);
  const duplicates = nearDuplicates(pairs, samples);
  const copies = duplicates.map(({ a, b }) => [a.name, b.name] as const);
  return {
    domains: proposeDomains({ tables, references, copies, taken }),
    merges: proposeMerges(duplicates, { all: tables, references, samples, namespaceOf }),
  };
}

/** The domain schema of each table, by `schema.table`. */
export function schemaByTable({ domains }: Proposal): Map<string, string> {
  return new Map(domains.flatMap(({ schema, tables }) => tables.map((table) => [table, schema] as const)));
}
