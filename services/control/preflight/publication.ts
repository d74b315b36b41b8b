import { displayName } from '../../../core/relation.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { readPublicationFit } from '../../../platform/publication-fit.js';
import { isNarrowed } from '../../../platform/published-tables.js';
import type { CatalogTable } from './catalog.js';
import { defineCheck, objectName, onceMappedTables, type PreflightContext } from './context.js';
import { type Finding, listed, type Report } from './finding.js';
import { currentDatabase, currentRole } from './server-setting.js';

/** The publication exists and publishes every change of the mapped tables, or our role can create it. */
export const publication = defineCheck(
  { name: 'publication', side: 'source', passed: 'capture can create its publication' },
  async (context, report) => {
    const name = objectName(context);
    const tables = (await onceMappedTables(context))
      .map(({ table }) => table)
      .filter(({ kind }) => kind === 'r' || kind === 'p');
    const fit = await readPublicationFit(context.source, name, tables);
    if (!fit) return cannotCreate(context, tables, report);
    const faults = fit.faults.map(({ table, message, remedy }) =>
      report.error(message, { object: table ?? name, remedy }),
    );
    const narrowed = tables.filter((table) => {
      const published = fit.published.get(displayName(table));
      return published && isNarrowed(published);
    });
    if (faults.length > 0) return faults;
    return [
      report.ok(`the publication ${name} holds every mapped table`),
      ...narrowed.map((table) =>
        report.warn(`the publication ${name} leaves out rows or columns of ${displayName(table)}: they are not moved`, {
          object: displayName(table),
        }),
      ),
    ];
  },
);

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
  const create = `CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${tables.map((table) => `ONLY ${quoteName(table)}`).join(', ')} WITH (publish_via_partition_root = true)`;
  const grant = `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(await currentRole(context.source))}`;
  return [
    report.error(`the role cannot create the publication ${name}: ${reasons.join('; ')}`, {
      object: name,
      remedy: foreign.length > 0 ? `As the tables' owner or a superuser: ${create}` : grant,
    }),
  ];
}
