import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { formatPlace, routeName, type TableMapping } from '../../../core/mapping.js';
import { displayName, type QualifiedName } from '../../../core/relation.js';
import { type ReadRows, readLineagePlan } from '../../../platform/lineage-plan.js';
import { type LineagePlan, LineageSql } from '../../../platform/lineage-sql.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteLiteral, quoteName } from '../../../platform/postgres.js';
import { type DeclaredTargetColumn, lineageDdl } from '../lineage-ddl.js';

/**
 * Gives the target tables of a schema that keep lineage their candidates, as the mapping has them now. Where that has
 * changed the target tables follow: another table may have precedence; not while the new project serves. Nothing is done where
 * all is as it should be.
 * @throws FerryError `target-unfit` for a table without a key, without a column in which rows are one, or with rows that
 *   are of no candidate.
 */
export async function prepareLineage(
  target: ClientBase,
  schema: string,
  { name, tables }: Pick<LoadedPipeline, 'name' | 'tables'>,
): Promise<void> {
  const kept = tables.filter((mapping) => mapping.lineage && mapping.target.schema === schema);
  const read: ReadRows = async (text, values) =>
    (await target.query<(string | null)[]>({ text, values: [...values], rowMode: 'array' })).rows;
  for (const mapping of kept) {
    if (mapping.lineage!.sources[0] !== routeName(mapping)) continue;
    const plan = await readLineagePlan(read, mapping);
    // Of a table that is not there the first row says it.
    if (plan) await prepare(target, mapping, { plan, pipeline: name });
  }
}

async function prepare(
  target: ClientBase,
  mapping: TableMapping,
  { plan, pipeline }: { readonly plan: LineagePlan; readonly pipeline: string },
): Promise<void> {
  const declared = await readDeclared(target, plan.target);
  const definition = definitionOf(plan, declared);
  if ((await readDefinition(target, plan)) === definition) return;
  await target.query('BEGIN');
  try {
    // Partitions of one topic prepare at once.
    await target.query('SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))', [
      `ferry lineage ${displayName(plan.target)}`,
    ]);
    const before = await readDefinition(target, plan);
    if (before === undefined) await refuseRows(target, mapping);
    // Candidates follow the target while the new project serves: what it has now they must not decide anew.
    const isLater = before !== undefined && (await newProjectServes(target, pipeline));
    if (before !== definition && !isLater) await define(target, plan, declared, definition);
    await target.query('COMMIT');
  } catch (error) {
    await target.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** No flip changes it until our transaction has ended. */
async function newProjectServes(target: ClientBase, pipeline: string): Promise<boolean> {
  const { rows } = await target.query<{ serving: string }>(
    'SELECT serving FROM ferry.cutover WHERE pipeline = $1 FOR SHARE',
    [pipeline],
  );
  return rows[0]?.serving === 'target';
}

async function define(
  target: ClientBase,
  plan: LineagePlan,
  declared: readonly DeclaredTargetColumn[],
  definition: string,
): Promise<void> {
  const has = new Map((await readDeclared(target, plan.candidates)).map(({ name, type }) => [name, type]));
  for (const statement of lineageDdl(plan, declared, has)) await target.query(statement);
  const sql = new LineageSql(plan);
  await target.query(sql.removal('all'));
  await target.query(sql.arrival('all'));
  await target.query(`COMMENT ON TABLE ${quoteName(plan.candidates)} IS ${quoteLiteral(definition)}`);
}

/** Tells definitions apart by their statements. */
function definitionOf(plan: LineagePlan, declared: readonly DeclaredTargetColumn[]): string {
  const said = createHash('sha256')
    .update(lineageDdl(plan, declared, new Map()).join('\n'))
    .digest('hex');
  return `Rows of ${plan.sources.join(', ')} for ${displayName(plan.target)}; ${said.slice(0, 16)}`;
}

async function readDefinition(target: ClientBase, { candidates }: LineagePlan): Promise<string | undefined> {
  const { rows } = await target.query<{ definition: string | null }>(
    "SELECT pg_catalog.obj_description(pg_catalog.to_regclass($1), 'pg_class') AS definition",
    [quoteName(candidates)],
  );
  return rows[0]!.definition ?? undefined;
}

async function readDeclared(target: ClientBase, name: QualifiedName): Promise<DeclaredTargetColumn[]> {
  const { rows } = await target.query<{ name: string; type: string; value: string | null }>(
    `SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
            pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS value
       FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      ORDER BY a.attnum`,
    [quoteName(name)],
  );
  return rows.map(({ name: column, type, value }) => ({ name: column, type, default: value }));
}

/** Rows that are of no candidate would stand for ever, or go with the first that has their key. */
async function refuseRows(target: ClientBase, { place, target: name }: TableMapping): Promise<void> {
  const { rows } = await target.query(`SELECT FROM ${quoteName(name)} LIMIT 1`);
  if (rows.length === 0) return;
  const message = `${formatPlace(place)}: the target table ${displayName(name)} has rows of which nobody knows where they came from`;
  throw new FerryError('target-unfit', message, {
    details: { table: displayName(name) },
    remedy: 'Rebuild the target from the log, ferry replay; or empty the table, where the pipeline has not begun.',
  });
}
