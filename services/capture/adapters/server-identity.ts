import pg, { type ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatLsn, type Lsn, parseLsn } from '../../../core/lsn.js';
import { SOURCE_IDENTITY, type SourceIdentity } from '../../../core/stage-state.js';
import { clientConfig, settleConnection } from '../../../platform/postgres.js';
import type { ServiceContext } from '../../../platform/service.js';
import { NEEDS_PRIMARY, namePrimary, readStandby } from '../../../platform/standby.js';

/**
 * Which server this is, and which of its histories: a standby that is promoted begins a timeline of its own.
 * @throws FerryError `source-unreachable` for a standby: one that is being promoted is waited for.
 */
async function readIdentity(source: ClientBase): Promise<SourceIdentity> {
  const standby = await readStandby(source);
  if (standby) {
    throw new FerryError('source-unreachable', `the source is a standby: ${NEEDS_PRIMARY}`, {
      remedy: `${namePrimary('source', standby)} A standby that is being promoted is waited for.`,
    });
  }
  const { rows } = await source.query<{ system: string; file: string }>(
    `SELECT system_identifier AS system, pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) AS file
       FROM pg_catalog.pg_control_system()`,
  );
  return { system: rows[0]!.system, timeline: Number.parseInt(rows[0]!.file.slice(0, 8), 16) };
}

/**
 * Sees that the server's history has what the log has: a standby that was promoted before it had received all of it
 * writes other changes at the same positions, which would be taken for those that the log has. Puts down which server
 * it is before anything is captured from it.
 * @throws FerryError `slot-lost` saying from where on the histories differ; what {@link readIdentity} throws.
 */
export async function recognizeSource(
  source: ClientBase,
  { pipeline, log }: Pick<ServiceContext, 'pipeline' | 'log'>,
  loggedThrough: Lsn | undefined,
): Promise<void> {
  const now = await readIdentity(source);
  const before = (await log.control.get(SOURCE_IDENTITY)) as SourceIdentity | undefined;
  await refuseDifference(pipeline.source.url, now, before, loggedThrough);
  await log.control.put(SOURCE_IDENTITY, now);
}

async function refuseDifference(
  url: string,
  now: SourceIdentity,
  before: SourceIdentity | undefined,
  loggedThrough: Lsn | undefined,
): Promise<void> {
  if (!before || loggedThrough === undefined) return;
  if (now.system !== before.system) {
    throw new FerryError('slot-lost', 'the source is another server than the one that the log was captured from', {
      details: { system: now.system, before: before.system },
      remedy:
        'Name the server that the log was captured from, or start again with a new pipeline name and an empty target.',
    });
  }
  if (now.timeline === before.timeline) return;
  const left = leftAt(await readHistory(url, now.timeline), before.timeline);
  if (left !== undefined && loggedThrough <= left) return;
  const where = left === undefined ? `does not come from timeline ${before.timeline}` : `left it at ${formatLsn(left)}`;
  throw new FerryError(
    'slot-lost',
    `the source failed over to timeline ${now.timeline}, which ${where}, but the log has changes up to ${formatLsn(loggedThrough)} that it never had`,
    { details: { timeline: now.timeline, before: before.timeline } },
  );
}

/** A line of a timeline's history: the one before, where it was left, and why. */
function leftAt(history: string, timeline: number): Lsn | undefined {
  for (const line of history.split('\n')) {
    const [number, lsn] = line.trim().split(/\s+/);
    if (Number(number) === timeline && lsn) return parseLsn(lsn);
  }
  return undefined;
}

/** Only a replication connection gives it to whoever is no superuser. */
async function readHistory(url: string, timeline: number): Promise<string> {
  const connection = await settleConnection('source', url);
  const config = { ...clientConfig(connection, { applicationName: 'ferry capture history' }), replication: 'database' };
  const client = new pg.Client(config as pg.ClientConfig);
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ content: string }>(`TIMELINE_HISTORY ${timeline}`);
    return rows[0]!.content;
  } finally {
    await client.end();
  }
}
