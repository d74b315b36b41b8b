import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { domainSchemas, routeName, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { topicsOf } from '../../../core/topics.js';
import { APPLIES } from '../../../core/way-back.js';
import { fenceApply, inTransactionBesideApply } from '../../../platform/apply-fence.js';
import { setMappingVersion } from '../../../platform/control-schema.js';
import { lineageTable } from '../../../platform/lineage-table.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteName } from '../../../platform/postgres.js';
import { readServing } from '../cutover/journal.js';
import { refuseRolledOut } from '../rollout/rollout.js';

/**
 * Empties the mapped tables and sets the checkpoints back to the start of the log, in one transaction. An apply that
 * runs finds its writes refused by the new epoch and begins again from there.
 * @param record puts down, in the same transaction, that it was done.
 * @throws FerryError `not-ready` once the target serves: a rebuild would take back what applications wrote there; and
 * while a part of the users reads there.
 */
export async function resetTarget(
  target: ClientBase,
  pipeline: LoadedPipeline,
  record: () => Promise<void> = async () => {},
): Promise<void> {
  const work = async () => {
    await reset(target, pipeline);
    await record();
  };
  await inTransactionBesideApply(target, work).catch(refuseReferred);
}

/** @throws FerryError `target-unfit` where rows outside of the mapping refer to those that are emptied; or the error. */
export function refuseReferred(error: unknown): never {
  const { code, message } = error as { code?: string; message: string };
  if (code !== '23503') throw error;
  throw new FerryError('target-unfit', `the target's tables cannot be emptied: ${message}`, {
    remedy:
      'Allow the role to set session_replication_role (ferry check prints the GRANT), or empty the tables that refer to them.',
    cause: error,
  });
}

/** @throws FerryError `not-ready` once the target serves. */
export async function refuseServing(target: ClientBase, { name }: LoadedPipeline): Promise<void> {
  if ((await readServing(target, name)) !== 'target') return;
  throw new FerryError('not-ready', `the new project serves: replay would empty it under its applications`, {
    remedy: 'Replay before the cutover only.',
  });
}

/**
 * As of a replay, for a version of the mapping that the target may not have had: what stands of the topics of others goes.
 * Tables that it does not map any more stay as they are.
 */
export async function emptyForVersion(target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  // First, as a claim does.
  await takeVersion(target, pipeline);
  await reset(target, pipeline);
  // Made anew by apply, with what tells rows apart now.
  for (const candidates of await readCandidateTables(target, pipeline.tables)) {
    await target.query(`DROP TABLE ${candidates}`);
  }
}

/**
 * From here on the target has its rows by the pipeline's version of the mapping. Checkpoints of its topics stay: their epoch
 * is what refuses whoever was replaced.
 */
export async function takeVersion(target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  const { name, mappingVersion, tables } = pipeline;
  await setMappingVersion(target, name, mappingVersion);
  const topics = domainSchemas(tables).map(topicsOf(name, mappingVersion).domain);
  for (const table of ['checkpoint', 'ledger']) {
    await target.query(`DELETE FROM ferry.${table} WHERE pipeline = $1 AND NOT topic = ANY ($2)`, [name, topics]);
  }
}

async function reset(target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  // Tables before checkpoints, as apply does.
  await emptyMapped(target, pipeline, pipeline.tables);
  await target.query(
    `UPDATE ferry.checkpoint SET next_offset = 0, lsn = '0/0', index = -1, commit_end = '0/0', commit_time = NULL,
            epoch = epoch + 1, owner = NULL WHERE pipeline = $1`,
    [pipeline.name],
  );
  await target.query('UPDATE ferry.ledger SET applied = 0, dead_lettered = 0, dropped = 0 WHERE pipeline = $1', [
    pipeline.name,
  ]);
  // What is still refused comes up again.
  await target.query("DELETE FROM ferry.dead_letter WHERE pipeline = $1 AND state = 'standing'", [pipeline.name]);
  await target.query('DELETE FROM ferry.table_state WHERE pipeline = $1', [pipeline.name]);
}

/**
 * Empties some of the mapped tables, in one transaction, and lets apply catch up with them from the start of the log.
 * The others go on.
 * @param mappings every one of a table that several are merged into.
 * @param record as of {@link resetTarget}.
 * @throws FerryError `not-ready` as of {@link resetTarget}, and before apply's first start.
 */
export async function resetTables(
  target: ClientBase,
  pipeline: LoadedPipeline,
  { mappings, record }: { readonly mappings: readonly TableMapping[]; readonly record: () => Promise<void> },
): Promise<void> {
  const { domain } = topicsOf(pipeline.name, pipeline.mappingVersion);
  const work = async () => {
    await emptyMapped(target, pipeline, mappings);
    for (const topic of domainSchemas(mappings).map(domain)) {
      if ((await fenceApply(target, pipeline.name, topic)) === pipeline.log.partitions) continue;
      throw new FerryError('not-ready', `nothing of ${topic} has been applied yet`, {
        remedy: 'Start the pipeline: ferry up.',
      });
    }
    for (const mapping of mappings) await beginAgain(target, pipeline, mapping);
    await record();
  };
  await inTransactionBesideApply(target, work).catch(refuseReferred);
}

async function beginAgain(
  target: ClientBase,
  { name, mappingVersion }: LoadedPipeline,
  mapping: TableMapping,
): Promise<void> {
  const of = [name, topicsOf(name, mappingVersion).domain(mapping.target.schema), routeName(mapping)];
  await target.query(
    `INSERT INTO ferry.table_state AS s (pipeline, source_table, partition, state, stopped_offset, stopped_lsn, stopped_index)
     SELECT pipeline, $3, partition, 'catching-up', 0, '0/0', -1 FROM ferry.checkpoint WHERE pipeline = $1 AND topic = $2
     ON CONFLICT (pipeline, source_table, partition) DO UPDATE SET copied = false, relation = NULL, accepts = false,
       state = EXCLUDED.state, reason = NULL, stopped_offset = EXCLUDED.stopped_offset, stopped_lsn = EXCLUDED.stopped_lsn,
       stopped_index = EXCLUDED.stopped_index, changed_at = clock_timestamp(), changed_by = session_user`,
    of,
  );
  await target.query(
    `UPDATE ferry.ledger SET applied = 0, dead_lettered = 0, dropped = 0
      WHERE pipeline = $1 AND topic = $2 AND source_table = $3`,
    of,
  );
  // A truncate of several tables comes up again for this one, and stands on for the others.
  const standing = "pipeline = $1 AND topic = $2 AND state = 'standing' AND $3 = ANY (sources)";
  await target.query(`DELETE FROM ferry.dead_letter WHERE ${standing} AND cardinality(sources) = 1`, of);
  await target.query(
    `UPDATE ferry.dead_letter d SET (sources, tables) =
            (SELECT array_agg(t.source ORDER BY t.place), array_agg(t.name ORDER BY t.place)
               FROM unnest(d.sources, d.tables) WITH ORDINALITY t (source, name, place) WHERE t.source <> $3)
      WHERE ${standing}`,
    of,
  );
}

async function emptyMapped(
  target: ClientBase,
  pipeline: LoadedPipeline,
  mappings: readonly TableMapping[],
): Promise<void> {
  await keepReadersOut(target, pipeline);
  // It is apply's work: the fence passes it, which stands there behind a rollback.
  await target.query('SELECT pg_catalog.set_config($1, $2, true)', [APPLIES, pipeline.name]);
  const tables = mappings.map((mapping) => quoteName(mapping.target));
  const candidates = await readCandidateTables(target, mappings);
  // User triggers on TRUNCATE are the applications'.
  await target
    .query("SAVEPOINT role; SET LOCAL session_replication_role = 'replica'")
    .catch(() => target.query('ROLLBACK TO SAVEPOINT role'));
  await emptyTables(target, [...new Set([...tables, ...candidates])].sort());
}

/** Whoever leads users there meanwhile waits for the flag's row, which may not be there yet. */
async function keepReadersOut(target: ClientBase, pipeline: LoadedPipeline): Promise<void> {
  await target.query('INSERT INTO ferry.cutover (pipeline) VALUES ($1) ON CONFLICT DO NOTHING', [pipeline.name]);
  await target.query('SELECT FROM ferry.cutover WHERE pipeline = $1 FOR UPDATE', [pipeline.name]);
  await refuseServing(target, pipeline);
  await refuseRolledOut(target, pipeline.name);
}

/** A table that one outside of the mapping refers to cannot be truncated; its rows can be deleted. */
async function emptyTables(target: ClientBase, tables: readonly string[]): Promise<void> {
  await target.query('SAVEPOINT truncating');
  try {
    await target.query(`TRUNCATE ${tables.join(', ')}`);
  } catch (error) {
    if ((error as { code?: string }).code !== '0A000') throw error;
    await target.query('ROLLBACK TO SAVEPOINT truncating');
    for (const table of tables) await target.query(`DELETE FROM ${table}`);
  }
}

async function readCandidateTables(target: ClientBase, tables: readonly TableMapping[]): Promise<string[]> {
  const named = tables.flatMap((mapping) => (mapping.lineage ? [quoteName(lineageTable(mapping.target))] : []));
  const { rows } = await target.query<{ name: string }>(
    'SELECT name FROM pg_catalog.unnest($1::text[]) name WHERE pg_catalog.to_regclass(name) IS NOT NULL',
    [named],
  );
  return rows.map(({ name }) => name);
}

/** Tables whose rows a replay replaces, for the question asked before. */
export function replayedTables(mappings: readonly TableMapping[]): string[] {
  return [...new Set(mappings.map((mapping) => displayName(mapping.target)))];
}
