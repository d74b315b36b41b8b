import { quoteIdentifier } from '../../../platform/postgres.js';
import { defineCheck } from './context.js';
import { currentRole } from './server-setting.js';

/** With session_replication_role = replica neither foreign keys nor user triggers fire while apply writes. */
export const replicaRole = defineCheck(
  { name: 'replica-role', side: 'target', passed: 'apply may set session_replication_role' },
  async ({ target }, report) => {
    try {
      // Local to this one statement's transaction: the setting is tried, not kept.
      await target.query("SELECT set_config('session_replication_role', 'replica', true)");
      return [];
    } catch (error) {
      if ((error as { code?: string }).code !== '42501') throw error;
      const role = quoteIdentifier(await currentRole(target));
      return [
        report.warn('the role may not set session_replication_role: foreign keys and triggers of the target fire', {
          object: 'session_replication_role',
          remedy:
            `GRANT SET ON PARAMETER session_replication_role TO ${role} (PostgreSQL 15 and later); ` +
            'otherwise create foreign keys and triggers after the copy',
        }),
      ];
    }
  },
);
