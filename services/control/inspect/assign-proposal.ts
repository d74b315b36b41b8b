import { type Proposal, schemaByTable } from '../../../core/inspect/proposal.js';
import { displayName, formatQualifiedName } from '../../../core/relation.js';
import { NameBook } from '../../../core/schema/name-book.js';
import { type Assignment, assignTables } from '../init/assign-tables.js';
import type { MapRule } from '../init/parse-map.js';
import type { CatalogTable } from '../preflight/catalog.js';

/**
 * Gives each table the target that the proposal means for it, as `ferry init` would: with its own name, and with its
 * source schema in front where two of one name come together.
 */
export function assignProposal(proposal: Proposal, tables: readonly CatalogTable[]): Assignment {
  const schemas = schemaByTable(proposal);
  const names = new NameBook();
  // Where two have one name, the one in public is the one that applications know by it.
  const sorted = [...tables].sort((a, b) => Number(b.schema === 'public') - Number(a.schema === 'public'));
  const rules = sorted.map((table): MapRule => {
    const schema = schemas.get(displayName(table))!;
    return {
      text: formatQualifiedName(table),
      source: { schema: table.schema, table: table.table },
      target: { schema, table: names.claim(schema, table.table, table.schema) },
    };
  });
  return assignTables(rules, tables);
}

/** What a mapping file says above itself and above its tables, for who corrects it. */
export function commentsOf({ domains, merges }: Proposal): {
  readonly heads: ReadonlyMap<string, readonly string[]>;
  readonly notes: ReadonlyMap<string, readonly string[]>;
} {
  const heads = domains.map(({ schema, why }) => [schema, [`Proposed by ferry inspect: ${why}.`]] as const);
  const notes = merges.flatMap(({ tables, into }) =>
    tables.map((table) => {
      const others = tables.filter((other) => other !== table).join(', ');
      return [table, [`Looks like the same as ${others}: one table ${into}? Each moves by itself here.`]] as const;
    }),
  );
  return { heads: new Map(heads), notes: new Map(notes) };
}
