import type { ClientBase } from 'pg';
import { FerryError, toFerryError } from '../../../core/errors.js';
import { mergedWith, routeName, routesOf, type TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName } from '../../../core/relation.js';
import { topicsOf } from '../../../core/topics.js';
import { fenceApply, inTransactionBesideApply } from '../../../platform/apply-fence.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { classify } from '../../../platform/postgres.js';

/**
 * @param table the source table; of one that goes to several the target's.
 * @throws FerryError `usage` when the mapping does not have it, or has several.
 */
export function mappedTable(pipeline: LoadedPipeline, table: string): TableMapping {
  const named = (side: 'source' | 'target') =>
    pipeline.tables.filter(
      (mapping) => table === formatQualifiedName(mapping[side]) || table === displayName(mapping[side]),
    );
  const ofSource = named('source');
  const found = ofSource.length > 0 ? ofSource : named('target');
  const [first] = found;
  if (first && found.length === 1) return first;
  if (first) {
    const isSource = ofSource.length > 0;
    const names = found.map(({ source, target }) => formatQualifiedName(isSource ? target : source));
    throw new FerryError('usage', `the rows of ${table} ${isSource ? 'go to' : 'come from'} several tables`, {
      remedy: `Name one of them: ${names.join(', ')}.`,
    });
  }
  throw new FerryError('usage', `the mapping has no source table ${table}`, {
    remedy: 'Name it as `from:` in mapping/*.yaml does; ferry table list shows all.',
  });
}

/**
 * The first mapping of a source table, or of the one whose rows a table of the target has.
 * @throws FerryError `usage` when the mapping does not have it.
 */
export function mappedSource(pipeline: LoadedPipeline, table: string): TableMapping {
  const isNamed = ({ source }: TableMapping) => table === formatQualifiedName(source) || table === displayName(source);
  return pipeline.tables.find(isNamed) ?? mappedTable(pipeline, table);
}

/**
 * Where the rows of these source tables go, with all that goes to the same tables of the target.
 * @throws FerryError `usage` when the mapping does not have one.
 */
export function everyMappingOf(pipeline: LoadedPipeline, names: readonly string[]): TableMapping[] {
  const routes = names.flatMap((name) => routesOf(pipeline.tables, mappedSource(pipeline, name)));
  const found = new Set(routes.flatMap((route) => mergedWith(pipeline.tables, route)));
  return pipeline.tables.filter((mapping) => found.has(mapping));
}

/** @throws FerryError `usage` for a table that goes to several, or is merged with others: such a mapping is written by hand, before it begins. */
export function refuseSeveral({ tables }: Pick<LoadedPipeline, 'tables'>, mapping: TableMapping): void {
  const isMerged = mergedWith(tables, mapping).length > 1;
  if (routesOf(tables, mapping).length < 2 && !isMerged) return;
  throw new FerryError(
    'usage',
    `${displayName(mapping.source)} ${isMerged ? 'is merged with others' : 'goes to several tables'}: it cannot be added or removed alone`,
    {
      remedy: 'Change the mapping, and copy all again: ferry resync.',
    },
  );
}

/**
 * Lets apply pass over a table from where it is now on, exactly: the checkpoints are taken back in the transaction that
 * puts down where the table stands, and whoever applies begins again from them.
 * @throws FerryError `not-ready` before apply's first start; `usage` when the table stands already.
 */
export async function pauseTable(target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping): Promise<void> {
  const source = routeName(mapping);
  await fenced(target, pipeline, mapping, async (topic) => {
    const stopped = await stop(target, { pipeline: pipeline.name, topic, source }, ['running', 'catching-up'], null);
    if (stopped === 0) throw new FerryError('usage', `${source} stands already`, { remedy: 'See ferry table list.' });
  });
}

/**
 * Lets apply pass over a table, whatever its state, until its snapshot begins again: nothing that comes before matters.
 * @throws FerryError `not-ready` before apply's first start.
 */
export async function holdForSnapshot(
  target: ClientBase,
  pipeline: LoadedPipeline,
  mapping: TableMapping,
): Promise<void> {
  const source = routeName(mapping);
  const reason = {
    kind: 'snapshot',
    message: `${source} is to be copied again: the order waits in the WAL of the source`,
    remedy: 'Nothing to do while capture, transform and apply run.',
  };
  const any = ['running', 'catching-up', 'paused', 'halted'];
  await fenced(target, pipeline, mapping, async (topic) => {
    await stop(target, { pipeline: pipeline.name, topic, source }, any, reason);
  });
}

/**
 * As {@link holdForSnapshot}, for a table that joins: where its domain has not been applied yet, there is nothing to
 * pass over.
 */
export async function holdUntilSnapshot(
  target: ClientBase,
  pipeline: LoadedPipeline,
  mapping: TableMapping,
): Promise<void> {
  const { rows } = await target.query<{ there: string }>(
    "SELECT to_regclass('ferry.table_state') IS NOT NULL AS there",
  );
  if (rows[0]!.there !== 't') return;
  await forgetCopy(target, pipeline, mapping);
  await holdForSnapshot(target, pipeline, mapping).catch((error: unknown) => {
    if (toFerryError(error).code !== 'not-ready') throw error;
  });
}

/** What an earlier copy of a table has left: of the next one nothing is there yet, and its version is the first. */
export async function forgetCopy(
  target: ClientBase,
  { name }: LoadedPipeline,
  mapping: Pick<TableMapping, 'route' | 'source'>,
): Promise<void> {
  await target.query(
    'UPDATE ferry.table_state SET copied = false, relation = NULL WHERE pipeline = $1 AND source_table = $2',
    [name, routeName(mapping)],
  );
}

/** Puts down where a table stands, if it does not already. @returns in how many partitions. */
async function stop(
  target: ClientBase,
  { pipeline, topic, source }: { readonly pipeline: string; readonly topic: string; readonly source: string },
  states: readonly string[],
  reason: object | null,
): Promise<number> {
  const { rowCount } = await target.query(
    `INSERT INTO ferry.table_state AS s (pipeline, source_table, partition, state, reason, stopped_offset, stopped_lsn, stopped_index)
     SELECT pipeline, $3, partition, 'paused', $5::jsonb, next_offset, lsn, index FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2
     ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET state = 'paused', reason = EXCLUDED.reason,
       stopped_offset = COALESCE(s.stopped_offset, EXCLUDED.stopped_offset), stopped_lsn = COALESCE(s.stopped_lsn, EXCLUDED.stopped_lsn),
       stopped_index = COALESCE(s.stopped_index, EXCLUDED.stopped_index), changed_at = clock_timestamp(), changed_by = session_user
     WHERE s.state = ANY ($4)`,
    [pipeline, topic, source, states, reason && JSON.stringify(reason)],
  );
  return rowCount ?? 0;
}

/**
 * Lets apply write what a table has missed since it stopped, and take it with the others again. One that halted at a
 * change of its columns goes over that change.
 * @throws FerryError `usage` when the table runs.
 */
export async function resumeTable(target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping): Promise<void> {
  const source = routeName(mapping);
  await fenced(target, pipeline, mapping, async () => {
    const { rowCount } = await target.query(
      `UPDATE ferry.table_state SET state = 'catching-up', accepts = COALESCE(reason ->> 'kind' = 'change', false), reason = NULL,
              changed_at = clock_timestamp(), changed_by = session_user
        WHERE pipeline = $1 AND source_table = $2 AND state IN ('paused', 'halted')`,
      [pipeline.name, source],
    );
    if (rowCount === 0) throw new FerryError('usage', `${source} does not stand`, { remedy: 'See ferry table list.' });
  });
}

/** Acts on a domain while nobody applies it. */
async function fenced(
  target: ClientBase,
  pipeline: LoadedPipeline,
  { source, target: { schema } }: TableMapping,
  act: (topic: string) => Promise<void>,
): Promise<void> {
  const topic = topicsOf(pipeline.name, pipeline.mappingVersion).domain(schema);
  const work = async () => {
    if ((await fenceApply(target, pipeline.name, topic)) !== pipeline.log.partitions) {
      throw new FerryError('not-ready', `nothing has been applied to the schema ${schema} yet`, {
        remedy: 'Start the pipeline: ferry up.',
      });
    }
    await act(topic);
  };
  await inTransactionBesideApply(target, work).catch((error: unknown) => {
    const { code, message } = error as { code?: string; message: string };
    if (code !== '42P01') throw classify('target', error, `the table ${displayName(source)} in the target`);
    throw new FerryError('not-ready', `the target has no record of this pipeline: ${message}`, {
      remedy: 'Start the pipeline: ferry up.',
      cause: error,
    });
  });
}
