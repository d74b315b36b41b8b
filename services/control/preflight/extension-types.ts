import { displayName } from '../../../core/relation.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { Catalog, CatalogType } from './catalog.js';
import { defineCheck, mappedSourceTables } from './context.js';

/** A type of an extension, such as vector, must exist in the target by its name. */
export const extensionTypes = defineCheck(
  { name: 'extension-types', side: 'target', passed: 'the target knows every extension type that the source uses' },
  async (context, report) => {
    const source = await context.sourceCatalog();
    const known = new Set([...(await context.targetCatalog()).types.values()].map((type) => type.name));
    const missing = new Map<string, string>();
    for (const { table } of await mappedSourceTables(context)) {
      for (const column of table.columns) {
        for (const type of extensionTypesOf(source, column.type)) {
          if (!known.has(type.name)) missing.set(type.extension!, `${displayName(table)}.${column.name}`);
        }
      }
    }
    return [...missing].map(([extension, column]) =>
      report.error(`the target lacks the extension ${extension}, which ${column} needs`, {
        object: extension,
        remedy: `CREATE EXTENSION ${quoteIdentifier(extension)}`,
      }),
    );
  },
);

/** The extension types that a type is, is an array of, or is a domain over. */
function extensionTypesOf(catalog: Catalog, oid: number): CatalogType[] {
  const type = catalog.types.get(oid);
  if (!type) return [];
  if (type.extension !== null && type.element === 0) return [type];
  return [type.element, type.base].filter((inner) => inner !== 0).flatMap((inner) => extensionTypesOf(catalog, inner));
}
