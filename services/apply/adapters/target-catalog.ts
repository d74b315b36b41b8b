import type { ClientBase } from 'pg';
import { displayName, type Relation } from '../../../core/relation.js';
import { BASE_TYPE, IS_EQUAL_AS_TEXT, operatorOf, STRATEGY } from '../../../platform/column-type.js';
import { homeOf, LINEAGE_SCHEMA } from '../../../platform/lineage-table.js';
import type { TargetColumn, TargetTable } from '../table-shape.js';

/**
 * Reads a schema's tables. Types come without their modifier: `format_type(.., -1)` is bpchar and "bit" where NULL
 * would say character and bit, of which a cast takes the first letter only. A domain comes as its base type, because a
 * cast to a domain over varchar(3) would cut, too.
 */
export async function readTargetTables(target: ClientBase, schema: string): Promise<Map<string, TargetTable>> {
  const { rows } = await target.query<Record<string, string>>(
    `SELECT c.relname, c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) AS inherited,
            a.attname, pg_catalog.format_type(base.oid, -1) AS type, a.attidentity,
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS is_required,
            base.oid <> a.atttypid AS is_domain, ${operatorOf(STRATEGY.equal)} AS equal, ${IS_EQUAL_AS_TEXT} AS equal_as_text
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      ${BASE_TYPE}
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
      ORDER BY c.relname, a.attnum`,
    [schema],
  );
  const keys = await readKeys(target, schema);
  const tables = new Map<string, TargetTable & { columns: Map<string, TargetColumn>; required: string[] }>();
  for (const row of rows) {
    const name = row.relname!;
    const table = tables.get(name) ?? {
      schema,
      table: name,
      columns: new Map(),
      required: [] as string[],
      keys: keys.get(name) ?? [],
      ...(row.inherited === 't' ? { hasInheritingTables: true } : {}),
    };
    tables.set(name, table);
    if (row.is_required === 't') table.required.push(row.attname!);
    table.columns.set(row.attname!, {
      name: row.attname!,
      type: row.type!,
      isDomain: row.is_domain === 't',
      equal: row.equal ?? null,
      isEqualAsText: row.equal_as_text === 't',
      isIdentityAlways: row.attidentity === 'a',
    });
  }
  return tables;
}

/** The tables that rows of a schema's topic may be written to, by display name: its own, and candidates. */
export async function readHomes(target: ClientBase, schema: string): Promise<Map<string, TargetTable>> {
  const found = [await readTargetTables(target, schema), await readTargetTables(target, LINEAGE_SCHEMA)];
  return new Map(found.flatMap((tables) => [...tables.values()]).map((table) => [displayName(table), table]));
}

/** The table that rows of a relation are written to. */
export async function readHome(target: ClientBase, relation: Relation): Promise<TargetTable | undefined> {
  const { schema, table } = homeOf(relation);
  return (await readTargetTables(target, schema)).get(table);
}

/** By table, the columns of each unique index that ON CONFLICT can use. Nothing brings the value of a generated one. */
async function readKeys(target: ClientBase, schema: string): Promise<Map<string, string[][]>> {
  const { rows } = await target.query<{ relname: string; keys: string }>(
    `SELECT c.relname, json_agg(k.columns ORDER BY i.indisprimary DESC, i.indexrelid) AS keys
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       CROSS JOIN LATERAL (
         SELECT json_agg(a.attname ORDER BY p.place) AS columns, pg_catalog.bool_or(a.attgenerated <> '') AS is_generated
           FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY p (attnum, place)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum
          WHERE p.place <= i.indnkeyatts) k
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND i.indisunique AND i.indimmediate AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT k.is_generated
      GROUP BY c.relname`,
    [schema],
  );
  return new Map(rows.map(({ relname, keys }) => [relname, JSON.parse(keys) as string[][]]));
}
