import type { ClientBase } from 'pg';

/**
 * What extensions of a database have made, and bodies of functions may name without a schema.
 * @returns class and name, as JSON, -> schema. Names that PostgreSQL has itself are not in it.
 */
export async function readExtensionMembers(source: ClientBase): Promise<Map<string, string>> {
  const { rows } = await source.query<{ class: string; name: string; schema: string }>(`
    SELECT 'routine' AS class, p.proname AS name, min(n.nspname::text) AS schema
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_proc p ON p.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND n.nspname <> 'pg_catalog'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc b
        WHERE b.proname = p.proname AND b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
    GROUP BY p.proname
    UNION ALL
    SELECT 'type', t.typname, min(n.nspname::text)
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_type t ON t.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND n.nspname <> 'pg_catalog'
      AND t.typname !~ '^_'
    GROUP BY t.typname
    UNION ALL
    SELECT 'operator', o.oprname, min(n.nspname::text)
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_operator o ON o.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND n.nspname <> 'pg_catalog'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_operator b
        WHERE b.oprname = o.oprname AND b.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)
    GROUP BY o.oprname`);
  return new Map(rows.map(({ class: kind, name, schema }) => [JSON.stringify([kind, name]), schema]));
}
