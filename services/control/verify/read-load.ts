import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { parseLsn } from '../../../core/lsn.js';
import { domainSchemas } from '../../../core/mapping.js';
import { ofPartition, partitionsOf, topicsOf } from '../../../core/topics.js';
import { readAppliedPoints } from '../../../platform/control-schema.js';
import { classify } from '../../../platform/postgres.js';
import { furthestBehind, lagOf } from '../status/lag.js';
import type { AppliedProbeOptions } from './applied-probe.js';
import type { Load } from './load-limits.js';

/** Session name of what verification reads with: it does not wait for itself. */
export const VERIFY_SESSIONS = 'ferry verify';

const LOAD_SQL = `
SELECT pg_catalog.pg_current_wal_insert_lsn() AS lsn, extract(epoch FROM clock_timestamp()) * 1000 AS now,
       pg_catalog.current_setting('max_connections') AS most,
       (SELECT sum(numbackends) FROM pg_catalog.pg_stat_database) AS connections,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity
         WHERE state = 'active' AND backend_type = 'client backend' AND application_name <> $1) AS active`;

/** Reads how much production has to do, and how far the pipeline is behind it. */
export async function readLoad(
  { source, target }: { readonly source: ClientBase; readonly target: ClientBase },
  of: Pick<AppliedProbeOptions, 'pipeline' | 'mappingVersion' | 'tables' | 'partitions'>,
): Promise<Load> {
  const [row, points] = await Promise.all([
    source
      .query<Record<'lsn' | 'now' | 'most' | 'connections' | 'active', string>>(LOAD_SQL, [VERIFY_SESSIONS])
      .then(({ rows }) => rows[0]!)
      .catch((error: unknown) => {
        throw classify('source', error, 'the load of the source');
      }),
    readAppliedPoints(target, of.pipeline).catch((error: unknown) => {
      throw classify('target', error, `the checkpoints of pipeline ${of.pipeline}`);
    }),
  ]);
  const topics = domainSchemas(of.tables).map(topicsOf(of.pipeline, of.mappingVersion).domain);
  const reached = partitionsOf(topics, of.partitions).map((at) => {
    const point = ofPartition(points, at);
    return point && { through: point.commitEnd, time: point.commitTime };
  });
  const lag = lagOf({ lsn: parseLsn(row.lsn), time: Number(row.now) }, furthestBehind(reached));
  return {
    lagBytes: lag.bytes,
    lagMs: lag.seconds === null ? null : lag.seconds * 1_000,
    connections: Number(row.connections),
    maxConnections: Number(row.most),
    active: Number(row.active),
  };
}

/**
 * Sees that our role may know what other sessions do: to one that may not, they all look idle.
 * @throws FerryError `privilege-missing` with the GRANT.
 */
export async function refuseHiddenActivity(source: ClientBase): Promise<void> {
  const { rows } = await source.query<{ sees: string; role: string }>(
    "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees, pg_catalog.quote_ident(current_user) AS role",
  );
  if (rows[0]!.sees === 't') return;
  throw new FerryError('privilege-missing', 'the role of the source URL does not see which sessions are active', {
    remedy: `GRANT pg_read_all_stats TO ${rows[0]!.role}; or leave active= out of --max-load.`,
  });
}
