import type { Position } from '../../core/position.js';
import { type GateView, TableGate } from '../../services/apply/table-gate.js';
import type { TargetTable } from '../../services/apply/table-shape.js';

const NOBODYS = {
  source: { schema: '', table: '' },
  rename: new Map(),
  place: { file: 'mapping/x.yaml', line: 1, column: 1 },
  columnPlaces: new Map(),
};

/** A gate that lets everything through to the given tables, all of whose columns are text. */
export function openGate(
  schema: string,
  tables: Readonly<Record<string, { readonly columns: readonly string[]; readonly key: readonly string[] }>>,
  heldAfter: (source: string) => Position | undefined = () => undefined,
  mapped: readonly string[] = Object.keys(tables),
  more: Partial<GateView> = {},
): TableGate {
  const made = Object.entries(tables).map(([table, { columns, key }]): [string, TargetTable] => [
    `${schema}.${table}`,
    {
      schema,
      table,
      columns: new Map(
        columns.map((name) => [
          name,
          { name, type: 'text', isDomain: false, equal: null, isEqualAsText: true, isIdentityAlways: false },
        ]),
      ),
      keys: [key],
    },
  ]);
  return new TableGate({
    tables: new Map(made),
    // Named by their targets alone: whichever source a row names is theirs.
    mappings: mapped.map((table) => ({ ...NOBODYS, target: { schema, table } })),
    policy: () => 'halt',
    isShared: false,
    known: new Map(),
    past: new Map(),
    beginnings: new Map(),
    heldAfter,
    accepts: new Set(),
    standsAlone: new Set(),
    removed: new Map(),
    ...more,
  });
}
