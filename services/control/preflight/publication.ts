import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { CatalogTable } from './catalog.js';
import { defineCheck, mappedSourceTables, objectName, type PreflightContext } from './context.js';
import { type Finding, listed, type Report } from './finding.js';
import { jsonRows } from './json-rows.js';
import { currentDatabase, currentRole } from './server-setting.js';

interface Publication {
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
}

/** The publication exists and is whole, or our role can create it. */
export const publication = defineCheck(
  { name: 'publication', side: 'source', passed: 'capture can create its publication' },
  async (context, report) => {
    const name = objectName(context);
    const [found] = await jsonRows<Publication>(
      context.source,
      `SELECT pubinsert AS insert, pubupdate AS update, pubdelete AS delete, pubtruncate AS truncate
       FROM pg_publication WHERE pubname = $1`,
      [name],
    );
    const tables = (await mappedSourceTables(context)).map(({ table }) => table).filter((table) => table.kind === 'r');
    if (!found) return cannotCreate(context, tables, report);
    const problems = [...operationsMissing(found, name, report), ...(await tablesMissing(context, tables, report))];
    return problems.length > 0 ? problems : [report.ok(`the publication ${name} holds every mapped table`)];
  },
);

function operationsMissing(found: Publication, name: string, report: Report): Finding[] {
  const missing = (['insert', 'update', 'delete', 'truncate'] as const).filter((operation) => !found[operation]);
  if (missing.length === 0) return [];
  return [
    report.error(`the publication ${name} does not publish ${missing.join(', ')}`, {
      object: name,
      remedy: `ALTER PUBLICATION ${quoteIdentifier(name)} SET (publish = 'insert, update, delete, truncate')`,
    }),
  ];
}

async function tablesMissing(
  context: PreflightContext,
  tables: readonly CatalogTable[],
  report: Report,
): Promise<Finding[]> {
  const name = objectName(context);
  const published = await publishedTables(context, name);
  const missing = tables.filter((table) => !published.has(displayName(table)));
  const narrowed = tables.filter((table) => published.get(displayName(table)) === 'narrowed');
  return [
    ...(missing.length > 0
      ? [
          report.error(`the publication ${name} lacks ${listed(missing.map(displayName))}`, {
            object: name,
            remedy: `ALTER PUBLICATION ${quoteIdentifier(name)} ADD TABLE ${missing.map(quoteName).join(', ')}`,
          }),
        ]
      : []),
    ...narrowed.map((table) =>
      report.error(`the publication ${name} leaves out rows or columns of ${displayName(table)}`, {
        object: displayName(table),
        remedy: `Publish the table without WHERE and without a column list: drop it from ${name} and add it again`,
      }),
    ),
  ];
}

/** Row filters and column lists exist since PostgreSQL 15; the catalog's row, read as JSON, has the fields or not. */
async function publishedTables(context: PreflightContext, name: string): Promise<Map<string, 'whole' | 'narrowed'>> {
  const rows = await jsonRows<{ schema: string; table: string; narrowed: boolean }>(
    context.source,
    `SELECT p.schemaname AS schema, p.tablename AS table,
            coalesce(to_jsonb(r) -> 'prqual' <> 'null' OR to_jsonb(r) -> 'prattrs' <> 'null', false) AS narrowed
     FROM pg_publication_tables p
     JOIN pg_publication pub ON pub.pubname = p.pubname
     LEFT JOIN pg_publication_rel r
       ON r.prpubid = pub.oid AND r.prrelid = to_regclass(format('%I.%I', p.schemaname, p.tablename))
     WHERE p.pubname = $1`,
    [name],
  );
  return new Map(rows.map((row) => [displayName(row), row.narrowed ? 'narrowed' : 'whole']));
}

async function cannotCreate(
  context: PreflightContext,
  tables: readonly CatalogTable[],
  report: Report,
): Promise<Finding[]> {
  const database = await currentDatabase(context.source);
  const { rows } = await context.source.query<{ may: string }>(
    "SELECT has_database_privilege(current_database(), 'CREATE')::text AS may",
  );
  const foreign = tables.filter((table) => !table.owned);
  const reasons = [
    ...(rows[0]!.may === 'true' ? [] : [`CREATE on the database ${database} is not granted`]),
    ...(foreign.length > 0 ? [`${listed(foreign.map(displayName))} belong to another role`] : []),
  ];
  if (reasons.length === 0) return [];
  const name = objectName(context);
  const create = `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${tables.map(quoteName).join(', ')}`;
  const grant = `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(await currentRole(context.source))}`;
  return [
    report.error(`the role cannot create the publication ${name}: ${reasons.join('; ')}`, {
      object: name,
      remedy: foreign.length > 0 ? `As the tables' owner or a superuser: ${create}` : grant,
    }),
  ];
}
