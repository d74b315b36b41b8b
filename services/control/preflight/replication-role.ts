import { quoteIdentifier } from '../../../platform/postgres.js';
import { defineCheck } from './context.js';

export const replicationRole = defineCheck(
  { name: 'replication-role', side: 'source', passed: 'the role may replicate' },
  async ({ source }, report) => {
    // Amazon RDS gives no role the attribute and lets members of rds_replication replicate instead.
    const { rows } = await source.query<{ role: string; allowed: string }>(
      `SELECT rolname AS role, (rolsuper OR rolreplication OR EXISTS (
         SELECT FROM pg_roles rds WHERE rds.rolname = 'rds_replication' AND pg_has_role(rds.oid, 'MEMBER')
       ))::text AS allowed
       FROM pg_roles WHERE rolname = current_user`,
    );
    const { role, allowed } = rows[0]!;
    if (allowed === 'true') return [];
    return [
      report.error(`the role ${role} may not replicate`, {
        object: role,
        remedy: `ALTER ROLE ${quoteIdentifier(role)} REPLICATION`,
      }),
    ];
  },
);
