import type { ClientBase } from 'pg';
import type { QualifiedName } from '../../../core/relation.js';
import type { TargetColumn, TargetTable } from '../table-shape.js';

interface FoundTable extends QualifiedName {
  readonly columns: Map<string, TargetColumn>;
  readonly keyed: [place: number, column: string][];
}

/**
 * Reads a schema's tables. Types come without their modifier: `format_type(.., -1)` is bpchar and "bit" where NULL
 * would say character and bit, of which a cast takes the first letter only. A domain comes as its base type, because a
 * cast to a domain over varchar(3) would cut, too.
 */
export async function readTargetTables(target: ClientBase, schema: string): Promise<Map<string, TargetTable>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT c.relname, a.attname, pg_catalog.format_type(base.oid, -1) AS type, a.attidentity,
            pg_catalog.array_position((i.indkey::int2[])[0:i.indnkeyatts - 1], a.attnum) AS key_place
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
       CROSS JOIN LATERAL (
         WITH RECURSIVE types AS (
           SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
           UNION ALL
           SELECT t.oid, t.typtype, t.typbasetype FROM types d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype
            WHERE d.typtype = 'd')
         SELECT oid FROM types WHERE typtype <> 'd') base
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
      ORDER BY c.relname, a.attnum`,
    [schema],
  );
  const tables = new Map<string, FoundTable>();
  for (const row of rows) {
    const name = row.relname!;
    const table: FoundTable = tables.get(name) ?? { schema, table: name, columns: new Map(), keyed: [] };
    tables.set(name, table);
    table.columns.set(row.attname!, { name: row.attname!, type: row.type!, isIdentityAlways: row.attidentity === 'a' });
    if (row.key_place !== null) table.keyed.push([Number(row.key_place), row.attname!]);
  }
  return new Map(
    [...tables].map(([name, { keyed, ...table }]) => [
      name,
      { ...table, key: keyed.sort(([a], [b]) => a - b).map(([, column]) => column) },
    ]),
  );
}
