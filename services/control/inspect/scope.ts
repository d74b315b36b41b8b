import type { CatalogTable } from '../preflight/catalog.js';

/** Roles that every Supabase project has. */
const SUPABASE_ROLES = ['anon', 'authenticated', 'service_role'];

/** Schemas that Supabase makes in each project and looks after itself. */
const SUPABASE_SCHEMAS = [
  ...['auth', 'storage', 'realtime', '_realtime', 'extensions', 'graphql', 'graphql_public', 'vault', 'pgsodium'],
  ...['pgsodium_masks', 'supabase_functions', 'supabase_migrations', 'net', 'cron', 'pgbouncer', '_analytics'],
];

/** What migration tools write down of a database; a new one has a history of its own. */
const BOOKKEEPING =
  /^(schema_migrations(_log)?|ar_internal_metadata|_prisma_migrations|__drizzle_migrations|alembic_version|flyway_schema_history|databasechangelog(lock)?|(knex|django|typeorm|sequelize|drizzle)_migrations(_lock)?|__efmigrationshistory|goose_db_version|sequelizemeta|pgmigrations)$/i;

/** Schemas that the platform of a project with these roles keeps for itself. */
export function platformSchemas(roles: readonly string[]): ReadonlySet<string> {
  return new Set(SUPABASE_ROLES.every((role) => roles.includes(role)) ? SUPABASE_SCHEMAS : []);
}

/** Schemas that a domain cannot be called. */
export function takenSchemas(roles: readonly string[]): ReadonlySet<string> {
  return new Set(['public', 'ferry', 'information_schema', ...platformSchemas(roles)]);
}

/** Why no domain is proposed for a table; undefined where one is. */
export function outOfScope(table: CatalogTable, platform: ReadonlySet<string>): string | undefined {
  if (table.extension !== null) return `belongs to the extension ${table.extension}, which makes it again`;
  if (platform.has(table.schema)) return `the platform looks after the schema ${table.schema}`;
  if (table.partitionOf !== null) return `a partition of ${table.partitionOf}`;
  return BOOKKEEPING.test(table.table) ? 'the book of a migration tool: the new project has its own' : undefined;
}

/** Has rows of its own, or stands for some: what people call a table. */
export function isTable({ kind }: CatalogTable): boolean {
  return kind === 'r' || kind === 'p' || kind === 'f';
}
