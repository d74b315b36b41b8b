import { FerryError } from '../../core/errors.js';
import type { TableMapping } from '../../core/mapping.js';
import { displayName, formatQualifiedName } from '../../core/relation.js';

/** @throws FerryError `usage` for a name that no table has. */
export function chooseTables(
  tables: readonly TableMapping[],
  names: readonly string[] | undefined,
): readonly TableMapping[] {
  if (!names) return tables;
  const isNamed = (table: TableMapping, name: string) =>
    [table.source, table.target].some((side) => displayName(side) === name || formatQualifiedName(side) === name);
  for (const name of names) {
    if (tables.some((table) => isNamed(table, name))) continue;
    throw new FerryError('usage', `--table ${name}: the mapping has no such table on either side`, {
      remedy: `It maps ${tables.map((table) => formatQualifiedName(table.source)).join(', ')}.`,
    });
  }
  return tables.filter((table) => names.some((name) => isNamed(table, name)));
}
