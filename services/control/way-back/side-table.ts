import type { SideColumn, SideTable, ValueType } from '../../../core/mapping/invert/sides.js';
import type { Catalog, CatalogColumn, CatalogTable, CatalogType } from '../preflight/catalog.js';
import { replicaKey } from '../preflight/replica-key.js';
import type { TypeUse } from '../preflight/type-fit.js';

/** A table of a catalog as inversion looks at it. */
export function sideTable(table: CatalogTable, types: Catalog['types']): SideTable {
  const key = replicaKey(table);
  const keys = 'columns' in key ? key.columns : [];
  return {
    identity: table.identity,
    columns: table.columns.map((column) => sideColumn(column, keys.includes(column.name), types)),
  };
}

function sideColumn(column: CatalogColumn, key: boolean, types: Catalog['types']): SideColumn {
  const { name, type, typmod, typeText, notNull, hasDefault, generated } = column;
  const values = valueType(column, types);
  return { name, type, typmod, key, typeText, values, notNull, hasDefault, isGenerated: generated !== '' };
}

function valueType({ type: oid, typmod }: TypeUse, types: Catalog['types']): ValueType {
  const type = types.get(oid);
  if (!type) return { oid, name: `type ${oid}`, typmod };
  if (type.kind === 'd') return valueType({ type: type.base, typmod: type.baseTypmod }, types);
  if (type.element !== 0) {
    return { oid, name: 'array', typmod, element: valueType({ type: type.element, typmod }, types) };
  }
  if (type.kind === 'e') return { oid, name: 'enum', typmod, labels: type.labels };
  return { oid, name: sharedName(type, types), typmod };
}

/** Types of a database's own are the same where they are made of the same. */
function sharedName(type: CatalogType, types: Catalog['types']): string {
  const named = (use: TypeUse) => JSON.stringify({ ...valueType(use, types), oid: undefined });
  if (type.kind === 'c') return `(${type.attributes.map(named).join(', ')})`;
  if (type.kind !== 'r' || type.schema === 'pg_catalog') return type.name;
  return `range of ${named({ type: type.subtype, typmod: -1 })}`;
}
