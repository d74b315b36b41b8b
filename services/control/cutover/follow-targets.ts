import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { type Following, followingOf } from '../../../core/mapping/invert/lineage-back.js';
import { mergedWith, routeName, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { APPLIES } from '../../../core/way-back.js';
import { type ReadRows, readLineagePlan } from '../../../platform/lineage-plan.js';
import { HIDDEN, type LineagePlan } from '../../../platform/lineage-sql.js';
import { bringsBack, candidateTable, lineageTable } from '../../../platform/lineage-table.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { type Catalog, findTable, isUniqueIn } from '../preflight/catalog.js';
import { preflightContext } from '../preflight/context.js';
import { readSides } from '../way-back/inverse.js';
import { withoutHolding } from './fence.js';
import { followDdl, followIndexes, standUp } from './follow-ddl.js';

interface Sides {
  readonly source: ClientBase;
  readonly target: ClientBase;
}

/**
 * Lets the candidates follow their target tables from now on, where a way back takes them for the rows of the old tables. Done
 * before, it is done anew.
 * @returns the tables.
 * @throws FerryError `not-ready` naming a table that writers do not let go of; `target-unfit` for one that has no unique
 *   index on what makes its rows one: they could be several in the new project, and one in the old.
 */
export async function followTargets(
  pipeline: LoadedPipeline,
  back: LoadedPipeline,
  { source, target, signal }: Sides & { readonly signal: AbortSignal },
): Promise<string[]> {
  const followed = pipeline.tables.filter(
    (mapping) =>
      isFirst(mapping) &&
      back.tables.some((one) => mergedOf(pipeline, mapping).some((merged) => bringsBack(one, merged))),
  );
  if (followed.length === 0) return [];
  const context = preflightContext(pipeline, { source, target });
  const sides = await readSides(context);
  const followingsOf = (mapping: TableMapping): Following[] =>
    mergedOf(pipeline, mapping).flatMap((merged) => {
      const found = sides.find((one) => one.mapping === merged);
      return found ? [followingOf(found, pipeline.tables)] : [];
    });
  const read: ReadRows = async (text, values) =>
    (await target.query<(string | null)[]>({ text, values: [...values], rowMode: 'array' })).rows;
  for (const mapping of followed) {
    const plan = await readLineagePlan(read, mapping);
    if (!plan) continue;
    refuseSeveral(await context.targetCatalog(), plan);
    for (const index of followIndexes(plan)) await target.query(index);
    const sql = `BEGIN; SET LOCAL lock_timeout = '250ms'; ${followDdl(back.name, plan, followingsOf(mapping))} COMMIT`;
    await withoutHolding(target, sql, { table: mapping.target, signal, side: 'target' });
  }
  return followed.map((mapping) => displayName(mapping.target));
}

/** In the transaction of the flip, when the old project is to serve again: from here on the candidates decide. */
export async function candidatesDecide(target: ClientBase, { name, tables }: LoadedPipeline): Promise<void> {
  const merged = tables.filter(({ lineage }) => lineage && lineage.unique.length > 0);
  const followed = [];
  for (const mapping of merged) if (await isFollowed(target, mapping)) followed.push(mapping);
  if (followed.length === 0) return;
  // As the pipeline's apply writes, which the fence lets pass.
  await target.query('SELECT pg_catalog.set_config($1, $2, true)', [APPLIES, name]);
  await target.query('SAVEPOINT role');
  await target
    .query("SET LOCAL session_replication_role = 'replica'")
    .catch(() => target.query('ROLLBACK TO SAVEPOINT role'));
  for (const mapping of followed) await target.query(standUp(candidateTable(mapping.target, routeName(mapping))));
}

/** Those of before there was a way back for them have nobody who stepped aside. */
async function isFollowed(target: ClientBase, { target: table }: TableMapping): Promise<boolean> {
  const { rows } = await target.query(
    `SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1) AND attname = '${HIDDEN}'`,
    [quoteName(lineageTable(table))],
  );
  return rows.length > 0;
}

function isFirst(mapping: TableMapping): boolean {
  return mapping.lineage?.sources[0] === routeName(mapping);
}

function mergedOf({ tables }: LoadedPipeline, mapping: TableMapping): TableMapping[] {
  return mergedWith(tables, mapping);
}

function refuseSeveral(catalog: Catalog, plan: LineagePlan): void {
  const table = findTable(catalog, plan.target);
  if (plan.unique.length === 0 || (table && isUniqueIn(table, plan.unique))) return;
  const name = displayName(plan.target);
  const columns = plan.unique.map(quoteIdentifier).join(', ');
  const message = `${name} has no unique index on (${plan.unique.join(', ')}), by which rows of merged tables are one: new ones could be several`;
  throw new FerryError('target-unfit', message, {
    details: { table: name },
    remedy: `CREATE UNIQUE INDEX ON ${quoteName(plan.target)} (${columns}), as a migration perhaps; then run the command again.`,
  });
}
