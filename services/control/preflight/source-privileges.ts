import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { defineCheck, mappedSourceTables } from './context.js';
import { currentRole } from './server-setting.js';

/** The snapshot reads every mapped table. */
export const sourcePrivileges = defineCheck(
  { name: 'source-privileges', side: 'source', passed: 'SELECT is granted on every mapped table' },
  async (context, report) => {
    const tables = await mappedSourceTables(context);
    const role = quoteIdentifier(await currentRole(context.source));
    const schemas = new Set(tables.filter(({ table }) => !table.schemaUsage).map(({ table }) => table.schema));
    return [
      ...[...schemas].map((schema) =>
        report.error(`USAGE on the schema ${schema} is not granted`, {
          object: schema,
          remedy: `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}`,
        }),
      ),
      ...tables
        .filter(({ table }) => !table.privileges.includes('SELECT'))
        .map(({ name, table }) =>
          report.error(`SELECT on ${name} is not granted`, {
            object: name,
            remedy: `GRANT SELECT ON ${quoteName(table)} TO ${role}`,
          }),
        ),
    ];
  },
);
