import { movedName, outputsOf } from '../mapping/table-rules.js';
import { mergedWith, type TableMapping, targetColumn } from '../mapping.js';
import type { Inventory, SourceObject } from './inventory.js';
import { type Place, samePlace, type TableColumns } from './names.js';

/** What the mapping calls the columns of a table at one of its targets. */
export function tableColumns(
  table: SourceObject,
  target: Place,
  { mappings, inventory }: { readonly mappings: readonly TableMapping[]; readonly inventory: Inventory },
): TableColumns {
  const columns = new Set(table.columns);
  const mapping = mappingOf(table, target, { mappings, inventory });
  if (!mapping) return { columns, changes: new Map() };
  const changes = [...columns].flatMap((column) => {
    const isOfIt = !table.generated?.has(column) || isComputed(mapping, column, { mappings, inventory });
    const name = isOfIt ? targetName(mapping, column) : undefined;
    return name === column ? [] : [[column, name] as const];
  });
  return { columns, changes: new Map(changes) };
}

/** A rule that fills the column in whose place it stands fills the same column, for all who name it. */
function targetName(mapping: TableMapping, column: string): string | undefined {
  const name = targetColumn(mapping, column);
  return movedName(mapping, column) ?? (mapping.rules?.columns.has(name) ? name : undefined);
}

/** What a table computes stands in the one that it is merged into where the first of them has it, or one fills it. */
function isComputed(
  mapping: TableMapping,
  column: string,
  { mappings, inventory }: { readonly mappings: readonly TableMapping[]; readonly inventory: Inventory },
): boolean {
  const [first, ...others] = mapping.lineage ? mergedWith(mappings, mapping) : [mapping];
  const name = targetColumn(mapping, column);
  const stands = (one: TableMapping) => {
    const table = inventory.find('relation', { schema: one.source.schema, name: one.source.table });
    const columns = (table?.columns ?? []).filter((own) => one === first || !table!.generated?.has(own));
    return outputsOf(one, columns).some((output) => output.name === name);
  };
  return [first!, ...others].some(stands);
}

/** Of a table of the source at one of its targets; of a partition that of its root. */
export function mappingOf(
  { place, owner }: SourceObject,
  target: Place,
  known: { readonly mappings: readonly TableMapping[]; readonly inventory: Inventory },
): TableMapping | undefined {
  const own = known.mappings.filter(({ source }) => samePlace({ schema: source.schema, name: source.table }, place));
  const found = own.find((one) => samePlace({ schema: one.target.schema, name: one.target.table }, target));
  if (found) return found;
  const root = owner && known.inventory.find('relation', owner);
  return root && target.owner && mappingOf(root, target.owner, known);
}
