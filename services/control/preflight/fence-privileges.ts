import type { ClientBase } from 'pg';
import { quoteIdentifier } from '../../../platform/postgres.js';
import { defineCheck, onceMappedTables } from './context.js';
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
    // Triggers that fire in every session, replication's too, are for the table's owner alone.
    const tables = (await onceMappedTables(context)).filter(({ table }) => 'rp'.includes(table.kind) && !table.owned);
    const owners = await readOwners(
      context.source,
      tables.map(({ table }) => table.oid),
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
        report.warn(`cutover cannot fence ${name}: it belongs to another role`, {
          object: name,
          remedy: `GRANT ${quoteIdentifier(owners.get(table.oid)!)} TO ${role}`,
        }),
      ),
    ];
  },
);

async function readOwners(source: ClientBase, oids: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await source.query<{ oid: string; owner: string }>(
    'SELECT oid, pg_get_userbyid(relowner) AS owner FROM pg_class WHERE oid = ANY ($1)',
    [oids],
  );
  return new Map(rows.map(({ oid, owner }) => [Number(oid), owner]));
}
