import { setTimeout as sleep } from 'node:timers/promises';
import { quoteName } from '../../../../platform/postgres.js';
import type { Gate } from './gate.js';

/** Locks last as long as their transaction, which may be short: several looks see more than one. */
const LOOKS = 4;
const BETWEEN_MS = 40;

const WRITERS_SQL = `
WITH tables AS (SELECT pg_catalog.to_regclass(name)::oid AS oid FROM unnest($1::text[]) name)
SELECT DISTINCT format('session %s of %s (%s) writes to %s', a.pid, a.usename, a.application_name, l.relation::regclass) AS writer
  FROM pg_catalog.pg_locks l JOIN tables t ON t.oid = l.relation JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
   AND a.usesysid IS NOT NULL AND a.application_name !~ '^ferry( |$)'
UNION ALL
SELECT format('the subscription %s writes to %s', s.subname, r.srrelid::regclass)
  FROM pg_catalog.pg_subscription_rel r JOIN tables t ON t.oid = r.srrelid JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
 ORDER BY 1`;

/** Whoever writes to the mapped tables of the target besides apply would be lost, or would collide. */
export const targetWritersGate: Gate = {
  name: 'target-writers',
  mayPass: true,
  async look({ pipeline, target }) {
    const names = pipeline.tables.map((table) => quoteName(table.target));
    const writers = new Set<string>();
    for (let look = 1; look <= LOOKS; look++) {
      const { rows } = await target.query<{ writer: string }>(WRITERS_SQL, [names]);
      for (const { writer } of rows) writers.add(writer);
      if (look < LOOKS) await sleep(BETWEEN_MS);
    }
    if (writers.size === 0) return { isOpen: true, figure: `none besides us, ${LOOKS} looks` };
    return {
      isOpen: false,
      figure: [...writers].join('; '),
      remedy: 'End what writes to the target, then verify again: ferry verify.',
    };
  },
};
