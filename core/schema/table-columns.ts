import { movedName } from '../mapping/table-rules.js';
import { type TableMapping, targetColumn } from '../mapping.js';
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
    const name = targetName(mapping, column);
    return name === column ? [] : [[column, name] as const];
  });
  return { columns, changes: new Map(changes) };
}

/** A rule that fills the column in whose place it stands fills the same column, for all who name it. */
function targetName(mapping: TableMapping, column: string): string | undefined {
  const name = targetColumn(mapping, column);
  return movedName(mapping, column) ?? (mapping.rules?.columns.has(name) ? name : undefined);
}

function mappingOf(
  { place, owner }: SourceObject,
  target: Place,
  known: { readonly mappings: readonly TableMapping[]; readonly inventory: Inventory },
): TableMapping | undefined {
  const own = known.mappings.filter(({ source }) => samePlace({ schema: source.schema, name: source.table }, place));
  const found = own.find((one) => samePlace({ schema: one.target.schema, name: one.target.table }, target));
  if (found) return found;
  // A partition has the columns of its root, which goes to the same schema.
  const root = owner && known.inventory.find('relation', owner);
  const mapped =
    root &&
    known.mappings.find(
      ({ source, target: to }) =>
        source.schema === owner.schema && source.table === owner.name && to.schema === target.schema,
    );
  return mapped ?? (root?.owner ? mappingOf(root, target, known) : undefined);
}
