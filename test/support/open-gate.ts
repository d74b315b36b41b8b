import { TableGate } from '../../services/apply/table-gate.js';
import type { TargetTable } from '../../services/apply/table-shape.js';

/** A gate that lets everything through to the given tables, all of whose columns are text. */
export function openGate(
  schema: string,
  tables: Readonly<Record<string, { readonly columns: readonly string[]; readonly key: readonly string[] }>>,
): TableGate {
  const made = Object.entries(tables).map(([table, { columns, key }]): [string, TargetTable] => [
    table,
    {
      schema,
      table,
      columns: new Map(
        columns.map((name) => [name, { name, type: 'text', isDomain: false, equal: null, isIdentityAlways: false }]),
      ),
      keys: [key],
    },
  ]);
  return new TableGate({
    tables: new Map(made),
    mappings: [],
    policy: () => 'halt',
    known: new Map(),
    past: new Map(),
    heldAfter: () => undefined,
    accepts: new Set(),
  });
}
