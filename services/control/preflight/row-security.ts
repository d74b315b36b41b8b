import type { Side } from '../../../platform/postgres.js';
import { quoteIdentifier } from '../../../platform/postgres.js';
import { type Check, defineCheck, mappedSourceTables, mappedTargetTables } from './context.js';
import { currentRole } from './server-setting.js';

const WHY: Readonly<Record<Side, string>> = {
  source: 'hides rows of it from our role, and the snapshot would miss them',
  target: 'applies to our role, which could neither copy into it nor see every row',
};

function rowSecurity(side: Side): Check {
  return defineCheck(
    { name: 'row-security', side, passed: 'no row-level security stands between our role and the rows' },
    async (context, report) => {
      const tables = side === 'source' ? await mappedSourceTables(context) : await mappedTargetTables(context);
      const role = await currentRole(context[side]);
      return tables
        .filter(({ table }) => table.rowSecurityActive)
        .map(({ name }) =>
          report.error(`row-level security of ${name} ${WHY[side]}`, {
            object: name,
            remedy: `ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS`,
          }),
        );
    },
  );
}

export const sourceRowSecurity = rowSecurity('source');
export const targetRowSecurity = rowSecurity('target');
