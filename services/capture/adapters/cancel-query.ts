import type { ClientBase } from 'pg';
import { connect } from '../../../platform/postgres.js';

/** Cancels what a session of the source is doing, through another one. */
export async function cancelQuery(url: string, client: ClientBase): Promise<void> {
  const other = await connect('source', url, { applicationName: 'ferry capture cancel' });
  const { processID } = client as unknown as { processID: number };
  await other.query('SELECT pg_catalog.pg_cancel_backend($1)', [processID]).finally(() => other.end());
}
