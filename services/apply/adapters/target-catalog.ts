import type { ClientBase } from 'pg';
import type { QualifiedName } from '../../../core/relation.js';
import { BASE_TYPE, operatorOf, STRATEGY } from '../../../platform/column-type.js';
import type { TargetColumn, TargetTable } from '../table-shape.js';

interface FoundTable extends QualifiedName {
  readonly columns: Map<string, TargetColumn>;
  readonly keyed: [place: number, column: string][];
  readonly hasInheritingTables?: boolean;
}

/**
 * Reads a schema's tables. Types come without their modifier: `format_type(.., -1)` is bpchar and "bit" where NULL
 * would say character and bit, of which a cast takes the first letter only. A domain comes as its base type, because a
 * cast to a domain over varchar(3) would cut, too.
 */
export async function readTargetTables(target: ClientBase, schema: string): Promise<Map<string, TargetTable>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT c.relname, c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) AS inherited,
            a.attname, pg_catalog.format_type(base.oid, -1) AS type, a.attidentity,
            base.oid <> a.atttypid AS is_domain, ${operatorOf(STRATEGY.equal)} AS equal,
            pg_catalog.array_position((i.indkey::int2[])[0:i.indnkeyatts - 1], a.attnum) AS key_place
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
      ${BASE_TYPE}
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
      ORDER BY c.relname, a.attnum`,
    [schema],
  );
  const tables = new Map<string, FoundTable>();
  for (const row of rows) {
    const name = row.relname!;
    const table: FoundTable = tables.get(name) ?? {
      schema,
      table: name,
      columns: new Map(),
      keyed: [],
      ...(row.inherited === 't' ? { hasInheritingTables: true } : {}),
    };
    tables.set(name, table);
    table.columns.set(row.attname!, {
      name: row.attname!,
      type: row.type!,
      isDomain: row.is_domain === 't',
      equal: row.equal ?? null,
      isIdentityAlways: row.attidentity === 'a',
    });
    if (row.key_place !== null) table.keyed.push([Number(row.key_place), row.attname!]);
  }
  return new Map(
    [...tables].map(([name, { keyed, ...table }]) => [
      name,
      { ...table, key: keyed.sort(([a], [b]) => a - b).map(([, column]) => column) },
    ]),
  );
}
