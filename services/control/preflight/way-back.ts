import { formatOneWay } from '../../../core/mapping/invert/one-way.js';
import type { SideColumn, SideTable, ValueType } from '../../../core/mapping/invert/sides.js';
import { type InvertedMapping, invertMappings } from '../../../core/mapping/invert.js';
import type { Catalog, CatalogColumn, CatalogTable, CatalogType } from './catalog.js';
import { defineCheck, mappedPairs, type PreflightContext } from './context.js';
import { counted } from './finding.js';
import { replicaKey } from './replica-key.js';
import type { TypeUse } from './type-fit.js';

/** What of the new project's writes would not come back to the old one. It stands against nothing: it is to be known. */
export const wayBack = defineCheck(
  { name: 'way-back', side: 'target', passed: 'the mapping can be inverted: no write of the new project is one-way' },
  async (context, report) => {
    const pairs = await mappedPairs(context);
    const { oneWay } = await inversionOf(context);
    const missing = context.pipeline.tables.length - pairs.length;
    return [
      ...oneWay.map((one) => report.ok(formatOneWay(one), { object: one.target })),
      ...(missing === 0
        ? []
        : [report.ok(`not known yet for ${counted(missing, 'table')} of which a side is missing`)]),
    ];
  },
);

/** What the mapping is in the other direction, as far as both sides have its tables. */
export async function inversionOf(context: PreflightContext): Promise<InvertedMapping> {
  const { types: sourceTypes } = await context.sourceCatalog();
  const { types: targetTypes } = await context.targetCatalog();
  return invertMappings(
    (await mappedPairs(context)).map(({ mapping, source, target }) => ({
      mapping,
      source: sideTable(source, sourceTypes),
      target: sideTable(target, targetTypes),
    })),
  );
}

function sideTable(table: CatalogTable, types: Catalog['types']): SideTable {
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
