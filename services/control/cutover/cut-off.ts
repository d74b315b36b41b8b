import type pg from 'pg';
import { cutOff } from '../../../platform/postgres.js';

/** So long may take what ends by itself once the signal is given: the query under way, and the step with it. */
const ENDS_WITHIN_MS = 2_000;

/**
 * A session that is cut off a moment after the signal: a server that stands still answers no query, and ends none, and
 * writers would wait with us. One that is opened behind the signal is for taking back, and stays.
 */
export function cutOffAfter<C extends pg.Client>(signal: AbortSignal, client: C): C {
  if (signal.aborted) return client;
  const onAbort = () => setTimeout(() => cutOff(client), ENDS_WITHIN_MS).unref();
  signal.addEventListener('abort', onAbort, { once: true });
  client.once('end', () => signal.removeEventListener('abort', onAbort));
  return client;
}
