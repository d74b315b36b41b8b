import { quoteLiteral } from '../../../platform/postgres.js';
import { defineCheck } from './context.js';
import { jsonRows } from './json-rows.js';

export const preparedTransactions = defineCheck(
  { name: 'prepared-transactions', side: 'source', passed: 'no transaction is prepared' },
  async ({ source }, report) => {
    const prepared = await jsonRows<{ gid: string; since: string; database: string }>(
      source,
      `SELECT gid, prepared::timestamptz(0)::text AS since, database FROM pg_prepared_xacts ORDER BY prepared`,
    );
    return prepared.map(({ gid, since, database }) =>
      report.warn(`the transaction ${gid} of database ${database} has been prepared since ${since}`, {
        object: gid,
        remedy: `COMMIT PREPARED ${quoteLiteral(gid)} or ROLLBACK PREPARED it: capture cannot start before`,
      }),
    );
  },
);
