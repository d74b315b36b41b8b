import { PROJECT, SERVES_BEFORE } from '../direction.js';
import type { Gate } from './gate.js';

/** Above this a transaction may well outlast the fence's wait for writers. */
const LONGEST_S = 60;

const OLDEST_SQL = `
SELECT round(age, 1) AS seconds, who FROM (
  SELECT extract(epoch FROM clock_timestamp() - xact_start) AS age,
         format('session %s of %s (%s)', pid, usename, application_name) AS who
    FROM pg_catalog.pg_stat_activity
   WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend' AND application_name !~ '^ferry( |$)'
  UNION ALL
  SELECT extract(epoch FROM clock_timestamp() - prepared), format('prepared transaction %L of %s', gid, owner)
    FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()) open
 WHERE age IS NOT NULL ORDER BY age DESC LIMIT 1`;

/** A transaction that has been open for long may hold up the arming, and the fence for all who write. */
export const sourceTransactionsGate: Gate = {
  name: 'source-transactions',
  mayPass: true,
  async look({ source, direction }) {
    const project = PROJECT[SERVES_BEFORE[direction]];
    const { rows } = await source.query<{ sees: string }>(
      "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees",
    );
    if (rows[0]!.sees !== 't') {
      return {
        isOpen: false,
        figure: `transactions of other roles in ${project} cannot be seen`,
        remedy: `In ${project}: GRANT pg_read_all_stats to our role.`,
      };
    }
    const [oldest] = (await source.query<{ seconds: string; who: string }>(OLDEST_SQL)).rows;
    if (!oldest) return { isOpen: true, figure: 'none open' };
    if (Number(oldest.seconds) <= LONGEST_S) {
      return { isOpen: true, figure: `the oldest is open for ${oldest.seconds} s, at most ${LONGEST_S} s` };
    }
    return {
      isOpen: false,
      figure: `${oldest.who} in ${project} is in a transaction for ${oldest.seconds} s, above ${LONGEST_S} s`,
      remedy: 'Let it end, or end it.',
    };
  },
};
