import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';

const OPEN_SINCE_SQL = `
SELECT pg_catalog.format('session %s of %s (%s)', pid, usename, application_name) AS who
  FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
   AND application_name !~ '^ferry( |$)' AND xact_start <= $1::timestamptz
UNION ALL
SELECT pg_catalog.format('prepared transaction %L of %s', gid, owner)
  FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() AND prepared <= $1::timestamptz
ORDER BY 1`;

const AGAIN_MS = 50;

/**
 * Resolves once no transaction is open any more that was begun before this call.
 * @throws FerryError `not-ready` naming those that are.
 */
export async function waitForOldTransactions(
  client: ClientBase,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { rows } = await client.query<{ now: string }>('SELECT pg_catalog.clock_timestamp() AS now');
  const deadline = performance.now() + withinMs;
  for (;;) {
    const open = (await client.query<{ who: string }>(OPEN_SINCE_SQL, [rows[0]!.now])).rows;
    if (open.length === 0) return;
    signal.throwIfAborted();
    if (performance.now() > deadline) {
      throw new FerryError('not-ready', `still in a transaction: ${open.map(({ who }) => who).join('; ')}`, {
        remedy: 'Let them end, or end them, then run the command again.',
      });
    }
    await sleep(AGAIN_MS);
  }
}
