import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { currentDatabase, currentRole } from './server-setting.js';

/** The cutover's fence is triggers on the source's tables, with a function in a schema of ours. Copying needs neither. */
export const fencePrivileges = defineCheck(
  { name: 'fence-privileges', side: 'source', passed: 'the cutover may put its fence on every mapped table' },
  async (context, report) => {
    const role = quoteIdentifier(await currentRole(context.source));
    const { rows } = await context.source.query<{ may: string }>(
      `SELECT (CASE WHEN to_regnamespace('ferry') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                    ELSE has_schema_privilege('ferry', 'CREATE') AND has_schema_privilege('ferry', 'USAGE') END)::text AS may`,
    );
    const database = await currentDatabase(context.source);
    const tables = (await mappedSourceTables(context)).filter(
      ({ table }) => (table.kind === 'r' || table.kind === 'p') && !table.privileges.includes('TRIGGER'),
    );
    return [
      ...(rows[0]!.may === 'true'
        ? []
        : [
            report.warn(`cutover cannot create the schema ferry in the source: CREATE on ${database} is not granted`, {
              object: database,
              remedy: `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${role}`,
            }),
          ]),
      ...tables.map(({ name, table }) =>
        report.warn(`cutover cannot fence ${name}: TRIGGER is not granted`, {
          object: name,
          remedy: `GRANT TRIGGER ON ${quoteName(table)} TO ${role}`,
        }),
      ),
    ];
  },
);
