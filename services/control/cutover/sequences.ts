import type { ClientBase } from 'pg';
import { movedName } from '../../../core/mapping/table-rules.js';
import type { QualifiedName } from '../../../core/relation.js';
import { bringsBack } from '../../../platform/lineage-table.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { quoteLiteral, quoteName } from '../../../platform/postgres.js';

/** A column whose default or identity draws from a sequence. */
export interface SequenceColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly sequence: { readonly schema: string; readonly table: string };
}

export interface SequenceSetting {
  /** `schema.sequence` in the target. */
  readonly sequence: string;
  readonly value: string;
}

/**
 * Ids that the target leaves out, times the increment: a value drawn on the source but never seen here must not be
 * drawn again.
 */
const GAP = 1_000n;

/** Owned sequences (serial, identity) and those that a default merely calls. */
const COLUMNS_SQL = `
SELECT DISTINCT n.nspname AS schema, c.relname AS table, a.attname AS column, pg_catalog.format_type(a.atttypid, NULL) AS type, sn.nspname AS sequence_schema, s.relname AS sequence
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND (
       (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass)
    OR (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid))
  JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
  LEFT JOIN pg_catalog.pg_attrdef ad ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND ad.oid = d.objid
  JOIN pg_catalog.pg_class c ON c.oid = coalesce(ad.adrelid, d.refobjid) AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = coalesce(ad.adnum, d.refobjsubid)
 WHERE a.attnum > 0`;

async function readColumns(client: ClientBase): Promise<SequenceColumn[]> {
  const { rows } = await client.query<Record<string, string>>(COLUMNS_SQL);
  return rows.map((row) => ({
    schema: row.schema!,
    table: row.table!,
    column: row.column!,
    type: row.type!,
    sequence: { schema: row.sequence_schema!, table: row.sequence! },
  }));
}

/** Columns that draw from a sequence on both sides. */
export async function readSequencePairs(
  source: ClientBase,
  target: ClientBase,
  { tables, forward = [] }: Mapped,
): Promise<{ readonly from: SequenceColumn; readonly to: SequenceColumn }[]> {
  const [from, to] = [await readColumns(source), await readColumns(target)];
  return tables.flatMap((mapping) => {
    // Ids are drawn by the table that its candidates follow.
    const there = forward.find((one) => one.lineage && bringsBack(mapping, one));
    const isPair = (one: SequenceColumn, other: SequenceColumn) =>
      there ? movedName(there, other.column) === one.column : movedName(mapping, one.column) === other.column;
    const drawing = from.filter((column) => isOf(column, there?.target ?? mapping.source));
    return drawing.flatMap((column) => {
      const found = to.find((other) => isOf(other, mapping.target) && isPair(column, other));
      return found ? [{ from: column, to: found }] : [];
    });
  });
}

function isOf({ schema, table }: SequenceColumn, name: QualifiedName): boolean {
  return schema === name.schema && table === name.table;
}

/** What a pipeline maps; of a way back with what the other direction does. */
type Mapped = Pick<LoadedPipeline, 'tables' | 'forward'>;

/**
 * Works out where the target's sequences must stand: behind what the source's have given out, by `last_value` rather
 * than by the largest id, which a deleted row no longer shows.
 */
export async function planSequences(
  source: ClientBase,
  target: ClientBase,
  pipeline: Mapped,
): Promise<SequenceSetting[]> {
  const settings = new Map<string, Standing>();
  for (const { from, to } of await readSequencePairs(source, target, pipeline)) {
    const standing = await standingFor(source, from, target, to);
    if (!standing) continue;
    const sequence = quoteName(to.sequence);
    const before = settings.get(sequence);
    // A sequence that several tables share stands behind all of them.
    if (!before || isBehind(before, standing)) settings.set(sequence, standing);
  }
  return [...settings].map(([sequence, { value }]) => ({ sequence, value: String(value) }));
}

/** Where a sequence must stand; one that counts down has given out what is above its value. */
interface Standing {
  readonly value: bigint;
  readonly increment: bigint;
}

function isBehind(one: Standing, other: Standing): boolean {
  return other.increment > 0n ? one.value < other.value : one.value > other.value;
}

/** @returns undefined for one that has never been used: its start in the target is its start. */
async function standingFor(
  source: ClientBase,
  from: SequenceColumn,
  target: ClientBase,
  to: SequenceColumn,
): Promise<Standing | undefined> {
  // One that was set back by hand with is_called = false has given out nothing of what follows, but all before it.
  const { rows } = await source.query<Record<string, string>>(
    `SELECT s.last_value, s.is_called OR s.last_value <> p.seqstart AS is_used
       FROM ${quoteName(from.sequence)} s, pg_catalog.pg_sequence p WHERE p.seqrelid = $1::regclass`,
    [quoteName(from.sequence)],
  );
  if (rows[0]!.is_used !== 't') return undefined;
  const { rows: there } = await target.query<Record<string, string>>(
    `SELECT p.seqincrement, p.seqmax, p.seqmin, s.last_value
       FROM ${quoteName(to.sequence)} s, pg_catalog.pg_sequence p WHERE p.seqrelid = $1::regclass`,
    [quoteName(to.sequence)],
  );
  const increment = BigInt(there[0]!.seqincrement!);
  const last = BigInt(rows[0]!.last_value!);
  const withGap = last + GAP * increment;
  const isWithin = withGap <= BigInt(there[0]!.seqmax!) && withGap >= BigInt(there[0]!.seqmin!);
  const wanted = { value: isWithin ? withGap : last, increment };
  // One that is further already has served before: it is never set back.
  const standing = { value: BigInt(there[0]!.last_value!), increment };
  return isBehind(wanted, standing) ? standing : wanted;
}

export async function setSequences(target: ClientBase, settings: readonly SequenceSetting[]): Promise<void> {
  if (settings.length === 0) return;
  const calls = settings.map(({ sequence, value }) => `setval(${quoteLiteral(sequence)}::regclass, ${value}, true)`);
  await target.query(`SELECT ${calls.join(', ')}`);
}
