import pRetry from 'p-retry';
import type { ClientBase } from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName } from '../../../core/relation.js';
import { topicsOf } from '../../../core/topics.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { classify } from '../../../platform/postgres.js';

/** @throws FerryError `usage` when the mapping does not have it. */
export function mappedTable(pipeline: LoadedPipeline, table: string): TableMapping {
  const found = pipeline.tables.find(
    ({ source }) => table === formatQualifiedName(source) || table === displayName(source),
  );
  if (found) return found;
  throw new FerryError('usage', `the mapping has no source table ${table}`, {
    remedy: 'Name it as `from:` in mapping/*.yaml does; ferry table list shows all.',
  });
}

/**
 * Lets apply pass over a table from where it is now on, exactly: the checkpoints are taken back in the transaction that
 * puts down where the table stands, and whoever applies begins again from them.
 * @throws FerryError `not-ready` before apply's first start; `usage` when the table stands already.
 */
export async function pauseTable(target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping): Promise<void> {
  const source = displayName(mapping.source);
  await withCheckpoints(target, pipeline, mapping, async (topic) => {
    const { rowCount } = await target.query(
      `INSERT INTO ferry.table_state AS s (pipeline, source_table, partition, state, stopped_offset, stopped_lsn, stopped_index)
       SELECT pipeline, $3, partition, 'paused', next_offset, lsn, index FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2
       ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET state = 'paused',
         stopped_offset = COALESCE(s.stopped_offset, EXCLUDED.stopped_offset), stopped_lsn = COALESCE(s.stopped_lsn, EXCLUDED.stopped_lsn),
         stopped_index = COALESCE(s.stopped_index, EXCLUDED.stopped_index), changed_at = clock_timestamp(), changed_by = session_user
       WHERE s.state IN ('running', 'catching-up')`,
      [pipeline.name, topic, source],
    );
    if (rowCount === 0) throw new FerryError('usage', `${source} stands already`, { remedy: 'See ferry table list.' });
  });
}

/**
 * Lets apply write what a table has missed since it stopped, and take it with the others again. One that halted at a
 * change of its columns goes over that change.
 * @throws FerryError `usage` when the table runs.
 */
export async function resumeTable(target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping): Promise<void> {
  const source = displayName(mapping.source);
  await withCheckpoints(target, pipeline, mapping, async () => {
    const { rowCount } = await target.query(
      `UPDATE ferry.table_state SET state = 'catching-up', accepts = COALESCE(reason ->> 'kind' = 'change', false), reason = NULL,
              changed_at = clock_timestamp(), changed_by = session_user
        WHERE pipeline = $1 AND source_table = $2 AND state IN ('paused', 'halted')`,
      [pipeline.name, source],
    );
    if (rowCount === 0) throw new FerryError('usage', `${source} does not stand`, { remedy: 'See ferry table list.' });
  });
}

/** Acts with the domain's checkpoints locked, and takes them back. Apply locks rows of both tables in its own order. */
async function withCheckpoints(
  target: ClientBase,
  pipeline: LoadedPipeline,
  { source, target: { schema } }: TableMapping,
  act: (topic: string) => Promise<void>,
): Promise<void> {
  const topic = topicsOf(pipeline.name).domain(schema);
  const once = async () => {
    await target.query('BEGIN');
    await target.query("SET LOCAL lock_timeout = '10s'");
    const locked = await target.query('SELECT 1 FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2 FOR UPDATE', [
      pipeline.name,
      topic,
    ]);
    if (locked.rowCount !== pipeline.log.partitions) {
      throw new FerryError('not-ready', `nothing has been applied to the schema ${schema} yet`, {
        remedy: 'Start the pipeline: ferry up.',
      });
    }
    await act(topic);
    await target.query(
      'UPDATE ferry.checkpoint SET epoch = epoch + 1, owner = NULL WHERE pipeline = $1 AND topic = $2',
      [pipeline.name, topic],
    );
    await target.query('COMMIT');
  };
  await pRetry(once, {
    retries: 5,
    minTimeout: 100,
    onFailedAttempt: () => target.query('ROLLBACK').then(() => undefined),
    shouldRetry: ({ error }) => toFerryError(classify('target', error, displayName(source))).code === 'transient-sql',
  }).catch((error: unknown) => {
    const { code, message } = error as { code?: string; message: string };
    if (code !== '42P01') throw classify('target', error, `the table ${displayName(source)} in the target`);
    throw new FerryError('not-ready', `the target has no record of this pipeline: ${message}`, {
      remedy: 'Start the pipeline: ferry up.',
      cause: error,
    });
  });
}
