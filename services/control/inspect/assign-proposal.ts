import type { KeyReference, MergeMapping } from '../../../core/inspect/merge-mapping.js';
import type { Merge } from '../../../core/inspect/merges.js';
import { type Proposal, schemaByTable } from '../../../core/inspect/proposal.js';
import type { ColumnRule } from '../../../core/mapping/column-rule.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../../core/relation.js';
import { NameBook } from '../../../core/schema/name-book.js';
import { type AssignedTable, type Assignment, assignTables } from '../init/assign-tables.js';
import type { MapRule } from '../init/parse-map.js';
import type { CatalogTable } from '../preflight/catalog.js';

/** A merge that is written, and where its one table stands. */
interface WrittenMerge extends Merge {
  readonly mapping: MergeMapping;
  readonly target: QualifiedName;
}

export interface ProposedAssignment extends Assignment {
  readonly merges: readonly WrittenMerge[];
}

/**
 * Gives each table the target that the proposal means for it, as `ferry init` would: with its own name, and with its
 * source schema in front where two of one name come together. Tables that are merged get one.
 */
export function assignProposal(proposal: Proposal, tables: readonly CatalogTable[]): ProposedAssignment {
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
  const assignment = assignTables(rules, tables);
  const merges = proposal.merges.flatMap((merge) => written(merge, assignment.tables));
  return { ...assignment, tables: withMerges(assignment.tables, merges), merges };
}

/** A merge of which a table cannot move is none. */
function written({ mapping, ...merge }: Merge, assigned: readonly AssignedTable[]): WrittenMerge[] {
  const own = merge.tables.map((name) => assigned.find(({ source }) => displayName(source) === name));
  if (!mapping || own.includes(undefined)) return [];
  const named = own.find((table) => table!.target.table === merge.into) ?? own[0]!;
  return [{ ...merge, mapping, target: named.target }];
}

/** Merged tables stand together, the one that has precedence first. */
function withMerges(tables: readonly AssignedTable[], merges: readonly WrittenMerge[]): AssignedTable[] {
  const mergeOf = (name: string) => merges.find((merge) => merge.tables.includes(name));
  return tables.flatMap((table): AssignedTable[] => {
    const name = displayName(table.source);
    const merge = mergeOf(name);
    if (!merge) return [withLookups(table, merges)];
    if (name !== tables.map(({ source }) => displayName(source)).find((one) => merge.tables.includes(one))) return [];
    return merge.tables.map((one) => {
      const { source } = tables.find((other) => displayName(other.source) === one)!;
      return merged(source, merge);
    });
  });
}

function merged(source: CatalogTable, { mapping, target }: WrittenMerge): AssignedTable {
  const { rename, drop, key, columns } = mapping.tables.find(({ table }) => table === displayName(source))!;
  return {
    source,
    target,
    mapping: {
      rename: new Map(Object.entries(rename)),
      rules: { pick: undefined, drop, columns: new Map(Object.entries(columns)), places: new Map() },
      lineage: { sources: mapping.tables.map(({ table }) => table), unique: mapping.unique, key },
    },
  };
}

/** Columns that refer to a key that is made are made as it is. */
function withLookups(table: AssignedTable, merges: readonly WrittenMerge[]): AssignedTable {
  const name = displayName(table.source);
  const columns = merges.flatMap(({ mapping, target }) =>
    mapping.references
      .filter((reference) => reference.table === name)
      .map((reference) => [reference.column, lookup(reference, target)] as const),
  );
  if (columns.length === 0) return table;
  const rules = { pick: undefined, drop: [], columns: new Map(columns), places: new Map() };
  return { ...table, mapping: { rename: new Map(), rules } };
}

function lookup({ column, to, key }: KeyReference, target: QualifiedName): ColumnRule {
  return { lookup: `${formatQualifiedName(target)}.${key}`, of: [column], in: to };
}

/** What a mapping file says above itself and above its tables, for who corrects it. */
export function commentsOf(
  { domains, merges }: Proposal,
  assignment: ProposedAssignment,
): {
  readonly heads: ReadonlyMap<string, readonly string[]>;
  readonly notes: ReadonlyMap<string, readonly string[]>;
} {
  const heads = domains.map(({ schema, why }) => [schema, [`Proposed by ferry inspect: ${why}.`]] as const);
  const notes = merges.flatMap((merge) => {
    const made = assignment.merges.find(({ tables }) => tables[0] === merge.tables[0]);
    return made ? [[made.tables[0]!, explained(made)] as const] : unwritten(merge, assignment);
  });
  return { heads: new Map(heads), notes: new Map(notes) };
}

function explained({ mapping, evidence }: WrittenMerge): string[] {
  return ['Proposed to be one table, those that have precedence first:', ...evidence, ...mapping.remarks];
}

function unwritten({ tables, into, obstacles }: Merge, { left }: Assignment): (readonly [string, readonly string[]])[] {
  const gone = left.filter(({ table }) => tables.includes(table)).map(({ table }) => `${table} does not move`);
  const why = [...obstacles, ...gone].join('; ');
  return tables.map((table) => {
    const others = tables.filter((other) => other !== table).join(', ');
    return [
      table,
      [`Looks like the same as ${others}: one table ${into}? Each moves by itself here: ${why}.`],
    ] as const;
  });
}
