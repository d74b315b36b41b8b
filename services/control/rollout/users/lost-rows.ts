import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';
import { displayName } from '../../../../core/relation.js';
import type { LoadedPipeline } from '../../../../platform/load-pipeline.js';
import { connect } from '../../../../platform/postgres.js';
import { ruleKitOf } from '../../../../platform/rule-kit.js';
import { keyId, type TableReader } from '../../verify/observe.js';
import { type Key, valuesOfKeys } from '../../verify/queries.js';
import { type Difference, MAX_NAMED_DIFFERENCES } from '../../verify/report.js';
import type { Session } from '../../verify/session.js';
import type { SideShape } from '../../verify/table-shape.js';
import { type RepairTable, verifyTables } from '../../verify/verify-tables.js';
import type { ArmedSides } from './mode.js';

/** Of a table of the old project: rows that were written in the new one, and have not come. */
export interface LostRows {
  readonly table: string;
  readonly rows: number;
  /** The first of them: what was done to each there. */
  readonly first: readonly { readonly key: readonly string[]; readonly op: 'upsert' | 'delete' }[];
}

const BATCH_ROWS = 1_000;

/**
 * Compares what the way back would bring, while nobody writes and the other direction has brought all: what differs was written in
 * the new project. Each such row is put into `ferry.conflict` of the old one, as both have it.
 * @throws FerryError `not-ready` where rows change meanwhile; whatever verification throws.
 */
export async function recordLostRows({ back, source, signal }: ArmedSides): Promise<void> {
  const { pipeline } = back;
  // Of an attempt that did not come to its end: users went on.
  await source.query(
    `DELETE FROM ferry.conflict c USING ferry.two_way w
      WHERE w.pipeline = $1 AND c.pipeline = $1 AND c.why = 'abandoned' AND c.found_at >= w.began_at`,
    [pipeline.name],
  );
  const { tables } = await verifyTables({
    tables: pipeline.tables,
    kit: await ruleKitOf(pipeline),
    forward: pipeline.forward,
    connectSource: () => connect('source', pipeline.source.url, { applicationName: 'ferry rollout' }),
    connectTarget: () => connect('target', pipeline.target.url, { applicationName: 'ferry rollout' }),
    // Nothing is on its way that would still come.
    applied: { waitUntilApplied: async () => {} },
    nameLimit: Number.POSITIVE_INFINITY,
    repair: keepRows(pipeline),
    signal,
  });
  const unsettled = tables.filter((table) => table.unsettled > 0);
  if (unsettled.length > 0) {
    throw new FerryError(
      'not-ready',
      `rows of ${unsettled.map(({ source: name }) => name).join(', ')} change meanwhile`,
      {
        remedy: 'Stop who writes past triggers (session_replication_role), then run the command again.',
      },
    );
  }
}

/** What was put down since the mode began. */
export async function readLostRows(old: ClientBase, wayBack: string): Promise<LostRows[]> {
  const { rows } = await old.query<Record<'table_name' | 'rows' | 'first', string>>(
    `SELECT c.table_name, count(*) AS rows,
            pg_catalog.to_json((pg_catalog.array_agg(pg_catalog.json_build_object('key', c.key, 'op', c.op) ORDER BY c.id))[:$2]) AS first
       FROM ferry.conflict c JOIN ferry.two_way w USING (pipeline)
      WHERE c.pipeline = $1 AND c.why = 'abandoned' AND c.found_at >= w.began_at GROUP BY c.table_name ORDER BY 1`,
    [wayBack, MAX_NAMED_DIFFERENCES],
  );
  return rows.map(({ table_name: table, rows: count, first }) => ({
    table,
    rows: Number(count),
    first: JSON.parse(first),
  }));
}

/** Mends nothing: the rows that differ are put down. */
function keepRows({ name, target }: LoadedPipeline): RepairTable {
  return async (reader, walk) => {
    const { differences } = walk.total;
    if (differences.length === 0) return { walk, repaired: 0 };
    // Tables are compared side by side: a session for each.
    const old = await connect('target', target.url, { applicationName: 'ferry rollout' });
    try {
      for (let at = 0; at < differences.length; at += BATCH_ROWS) {
        const rows = await asConflicts(reader, differences.slice(at, at + BATCH_ROWS));
        await old.query(
          `INSERT INTO ferry.conflict (pipeline, table_name, key, op, why, lost_at, lost, kept)
           SELECT $1, $2, r.key, r.op, 'abandoned', pg_catalog.clock_timestamp(), r.lost::jsonb, r.kept::jsonb
             FROM pg_catalog.jsonb_to_recordset($3::jsonb) AS r(key text[], op text, lost text, kept text)`,
          [name, displayName(reader.shape.mapping.target), JSON.stringify(rows)],
        );
      }
    } finally {
      await old.end().catch(() => {});
    }
    return { walk, repaired: 0 };
  };
}

async function asConflicts({ shape, sessions }: TableReader, differences: readonly Difference[]): Promise<object[]> {
  const keys = differences.map(({ key }) => key);
  const lost = await rowsAsJson(sessions.source, shape.source, keys);
  const kept = await rowsAsJson(sessions.target, shape.target, keys);
  const keyAsJson = (key: Key) =>
    JSON.stringify(Object.fromEntries(shape.keyColumns.map(({ name }, i) => [name, key[i]])));
  return differences.map(({ key, kind }) => ({
    key,
    op: kind === 'extra' ? 'delete' : 'upsert',
    lost: lost.get(keyId(key)) ?? keyAsJson(key),
    kept: kept.get(keyId(key)) ?? null,
  }));
}

/** Whole rows, those columns too that are not mapped. @returns by the key. */
async function rowsAsJson(session: Session, side: SideShape, keys: readonly Key[]): Promise<Map<string, string>> {
  const rows = await session.read(valuesOfKeys({ ...side, columns: ['pg_catalog.to_jsonb(t)'] }, keys));
  // In front stands the version.
  return new Map(rows.map((row) => [keyId(row.slice(1, -1) as string[]), row.at(-1)!]));
}
