import type { CatalogType } from '../../services/control/preflight/catalog.js';

/** A base type as a catalog says it, with what the test gives it. */
export function catalogType(oid: number, name: string, more: Partial<CatalogType> = {}): CatalogType {
  return {
    oid,
    schema: oid < 100 ? 'pg_catalog' : 'app',
    name,
    kind: 'b',
    element: 0,
    base: 0,
    baseTypmod: -1,
    labels: [],
    isRowType: false,
    attributes: [],
    subtype: 0,
    extension: null,
    ...more,
  };
}
