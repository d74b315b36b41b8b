import { defineCheck } from './context.js';
import { jsonRows } from './json-rows.js';

interface OpenTransaction {
  readonly pid: number;
  readonly role: string | null;
  readonly application: string | null;
  readonly minutes: number;
}

/** A slot starts where every transaction that was open at its creation has ended: an old one holds capture up. */
export const openTransactions = defineCheck(
  { name: 'open-transactions', side: 'source', passed: 'no transaction has been open for more than 5 minutes' },
  async ({ source }, report) => {
    const open = await jsonRows<OpenTransaction>(
      source,
      `SELECT pid, usename AS role, application_name AS application,
              (extract(epoch FROM clock_timestamp() - xact_start) / 60)::int AS minutes
       FROM pg_stat_activity
       WHERE xact_start < clock_timestamp() - interval '5 minutes' AND backend_type = 'client backend'
         -- Capture itself waits in such a transaction for the others.
         AND application_name !~ '^ferry '
       ORDER BY xact_start`,
    );
    const findings = open.map(({ pid, role, application, minutes }) =>
      report.warn(
        `pid ${pid} (${role}${application ? `, ${application}` : ''}) has been in a transaction for ${minutes} minutes`,
        {
          object: `pid ${pid}`,
          remedy: `Let it end, or SELECT pg_terminate_backend(${pid}): capture cannot start before`,
        },
      ),
    );
    const { rows } = await source.query<{ sees: string }>(
      "SELECT pg_has_role('pg_read_all_stats', 'USAGE')::text AS sees",
    );
    if (rows[0]!.sees === 'true') return findings;
    return [
      ...findings,
      report.warn('transactions of other roles cannot be seen', {
        remedy: 'GRANT pg_read_all_stats to the role, or look at pg_stat_activity as a superuser.',
      }),
    ];
  },
);
