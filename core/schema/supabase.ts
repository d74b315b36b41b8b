/** Schemas that every Supabase project has by itself, with what is in them. */
const MANAGED = new Set([
  'auth',
  'storage',
  'realtime',
  '_realtime',
  '_analytics',
  'extensions',
  'graphql',
  'graphql_public',
  'vault',
  'pgsodium',
  'pgsodium_masks',
  'pgbouncer',
  'supabase_functions',
  'supabase_migrations',
  'net',
  'cron',
]);

/** Names in such a schema mean in the target what they mean in the source. */
export const isManagedSchema = (schema: string): boolean => MANAGED.has(schema);

/** Roles by which PostgREST and its clients come. */
export const API_ROLES = ['anon', 'authenticated', 'service_role'];

interface Quoting {
  identifier(name: string): string;
  literal(text: string): string;
}

/**
 * Tells PostgREST about schemas: it serves those that its role's setting lists, beside what that lists already. A project
 * whose list is kept elsewhere (Supabase: API settings) needs them there.
 */
export function exposeSchemas(schemas: readonly string[], { literal }: Quoting): string[] {
  const wanted = schemas.map(literal).join(', ');
  return [
    `DO $ferry$
DECLARE
  listed text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'authenticator') THEN
    RETURN;
  END IF;
  SELECT pg_catalog.substr(setting, pg_catalog.length('pgrst.db_schemas=') + 1) INTO listed
    FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) AS setting
    WHERE s.setrole = 'authenticator'::pg_catalog.regrole AND setting LIKE 'pgrst.db_schemas=%' LIMIT 1;
  SELECT pg_catalog.string_agg(name, ', ' ORDER BY place) INTO listed FROM (
    SELECT name, min(place) AS place
    FROM pg_catalog.regexp_split_to_table(coalesce(listed, 'public, graphql_public'), ' *, *') WITH ORDINALITY AS l (name, place)
    GROUP BY name
    UNION ALL
    SELECT name, 1000 + place FROM pg_catalog.unnest(ARRAY[${wanted}]) WITH ORDINALITY AS w (name, place)
    WHERE name <> ALL (pg_catalog.regexp_split_to_array(coalesce(listed, 'public, graphql_public'), ' *, *'))
  ) AS schemas;
  EXECUTE pg_catalog.format('ALTER ROLE authenticator SET pgrst.db_schemas = %L', listed);
END
$ferry$`,
    "NOTIFY pgrst, 'reload config'",
    "NOTIFY pgrst, 'reload schema'",
  ];
}

/** Makes a role where it is missing. It cannot log in: what it is for, only a person knows. */
export function ensureRole(role: string, { identifier, literal }: Quoting): string {
  const options = role === 'service_role' ? 'NOLOGIN BYPASSRLS' : 'NOLOGIN';
  return `DO $ferry$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${literal(role)}) THEN
    CREATE ROLE ${identifier(role)} ${options};
  END IF;
END $ferry$`;
}
