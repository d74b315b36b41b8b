import { quoteName } from '../../../platform/postgres.js';
import { defineCheck, mappedTargetTables, type PreflightContext } from './context.js';

/** Rows that did not come through the log would stay beside those that do, and verification would find them. */
export const targetEmpty = defineCheck(
  { name: 'target-empty', side: 'target', passed: 'the mapped target tables are empty' },
  async (context, report) => {
    if (context.pipeline.wayBackOf)
      return [report.ok('a way back copies nothing: the tables are equal when it begins')];
    if (await hasCheckpoint(context)) return [report.ok('the pipeline has written here already, and goes on')];
    const readable = (await mappedTargetTables(context)).filter(
      ({ table }) => table.schemaUsage && table.privileges.includes('SELECT') && !table.rowSecurityActive,
    );
    const findings = [];
    for (const { name, table } of readable) {
      const { rows } = await context.target.query(`SELECT FROM ${quoteName(table)} LIMIT 1`);
      if (rows.length > 0) {
        findings.push(
          report.error(`${name} is not empty, and no checkpoint says that its rows came from this pipeline`, {
            object: name,
            remedy: `TRUNCATE ${quoteName(table)}, if its rows are not needed`,
          }),
        );
      }
    }
    return findings;
  },
);

async function hasCheckpoint({ pipeline, target }: PreflightContext): Promise<boolean> {
  const { rows: found } = await target.query<{ table: string | null }>(
    "SELECT to_regclass('ferry.checkpoint')::text AS table",
  );
  if (found[0]!.table === null) return false;
  const { rows } = await target.query('SELECT FROM ferry.checkpoint WHERE pipeline = $1 LIMIT 1', [pipeline.name]);
  return rows.length > 0;
}
