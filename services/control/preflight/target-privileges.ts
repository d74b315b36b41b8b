import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { defineCheck, type MappedTable, mappedTargetTables, type PreflightContext } from './context.js';
import type { Finding, Report } from './finding.js';
import { jsonRows } from './json-rows.js';
import { currentDatabase, currentRole } from './server-setting.js';

const NEEDED = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'];

/** What apply writes, and the sequences that the cutover sets. */
export const targetPrivileges = defineCheck(
  { name: 'target-privileges', side: 'target', passed: 'our role may write every mapped table' },
  async (context, report) => {
    const tables = await mappedTargetTables(context);
    const role = quoteIdentifier(await currentRole(context.target));
    return [
      ...schemaFindings(tables, role, report),
      ...tables.flatMap((mapped) => tableFindings(mapped, role, report)),
      ...(await sequenceFindings(context, tables, role, report)),
    ];
  },
);

function schemaFindings(tables: readonly MappedTable[], role: string, report: Report): Finding[] {
  const schemas = new Set(tables.filter(({ table }) => !table.schemaUsage).map(({ table }) => table.schema));
  return [...schemas].map((schema) =>
    report.error(`USAGE on the schema ${schema} is not granted`, {
      object: schema,
      remedy: `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${role}`,
    }),
  );
}

function tableFindings({ name, table }: MappedTable, role: string, report: Report): Finding[] {
  const missing = NEEDED.filter((privilege) => !table.privileges.includes(privilege));
  if (missing.length === 0) return [];
  return [
    report.error(`${missing.join(', ')} on ${name} ${missing.length > 1 ? 'are' : 'is'} not granted`, {
      object: name,
      remedy: `GRANT ${missing.join(', ')} ON ${quoteName(table)} TO ${role}`,
    }),
  ];
}

async function sequenceFindings(
  context: PreflightContext,
  tables: readonly MappedTable[],
  role: string,
  report: Report,
): Promise<Finding[]> {
  const sequences = await jsonRows<{ schema: string; table: string }>(
    context.target,
    `SELECT n.nspname AS schema, c.relname AS table
     FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
       AND d.refobjid = ANY($1::bigint[]) 
       AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'UPDATE') END
     ORDER BY 1, 2`,
    [tables.map(({ table }) => table.oid)],
  );
  return sequences.map((sequence) =>
    report.error(`UPDATE on the sequence ${sequence.schema}.${sequence.table} is not granted: cutover sets it`, {
      object: `${sequence.schema}.${sequence.table}`,
      remedy: `GRANT USAGE, SELECT, UPDATE ON SEQUENCE ${quoteName(sequence)} TO ${role}`,
    }),
  );
}

/** Checkpoints, ledger and flag live in the schema `ferry` of the target. */
export const controlSchema = defineCheck(
  { name: 'control-schema', side: 'target', passed: 'the schema ferry exists or can be created' },
  async ({ target }, report) => {
    const { rows } = await target.query<{ exists: string; may: string }>(
      `SELECT (to_regnamespace('ferry') IS NOT NULL)::text AS exists,
              (CASE WHEN to_regnamespace('ferry') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                    ELSE has_schema_privilege('ferry', 'CREATE') AND has_schema_privilege('ferry', 'USAGE') END)::text AS may`,
    );
    const { exists, may } = rows[0]!;
    if (may === 'true') return [];
    const role = quoteIdentifier(await currentRole(target));
    if (exists === 'true') {
      return [
        report.error('the schema ferry exists, and the role may not use it or create in it', {
          object: 'ferry',
          remedy: `GRANT USAGE, CREATE ON SCHEMA ferry TO ${role}`,
        }),
      ];
    }
    const database = await currentDatabase(target);
    return [
      report.error(`CREATE on the database ${database} is not granted: the schema ferry cannot be created`, {
        object: database,
        remedy: `GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${role}`,
      }),
    ];
  },
);
