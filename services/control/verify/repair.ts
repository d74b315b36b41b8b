import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { MESSAGE } from '../../../core/record.js';
import { displayName } from '../../../core/relation.js';
import { formatRepairOrder, MAX_ORDERED_ROWS, type RepairRow } from '../../../core/repair-order.js';
import { sourceObjectName } from '../../../core/topics.js';
import { classify } from '../../../platform/postgres.js';
import { readSlot } from '../../../platform/read-slot.js';
import type { TableReader } from './observe.js';
import type { TableWalk } from './progress.js';
import type { Key } from './queries.js';
import { type Difference, MAX_REPAIRED_ROWS, subtractTallies } from './report.js';
import { addResults, NOTHING_COMPARED, type RangeResult, type SideTallies, settleKeys } from './settle-range.js';
import type { RepairTable } from './verify-tables.js';

export interface RepairOptions {
  readonly pipeline: string;
  /** A session at the source that may write: orders go into its WAL. */
  readonly source: ClientBase;
  readonly maxAttempts?: number;
  /** How long rows that do not come right are ordered again. */
  readonly giveUpAfterMs?: number;
}

/** Between two looks: capture reads the rows meanwhile. */
const LOOK_AGAIN_MS = 200;
/** After so many looks the rows are ordered again: capture may have died with the order. */
const LOOKS_OF_AN_ORDER = 5;

/**
 * Makes what a walk names as different right: its rows are read again from the source through the log, where they keep
 * their place among the changes of the stream, and looked at until they are equal.
 * @throws FerryError `not-ready` when nobody would read the order.
 */
export async function repairer(options: RepairOptions): Promise<RepairTable> {
  const slot = sourceObjectName(options.pipeline);
  if (!(await readSlot(options.source, slot))) {
    throw new FerryError('not-ready', `the source has no slot ${slot}, so nobody would read the order`, {
      remedy: 'Start the pipeline: ferry up; or where the slot is lost, ferry resync.',
    });
  }
  return async (reader, walk) => {
    const { differences, differencesTotal } = walk.total;
    // Keys are all that an order can say.
    const isNamed = differencesTotal === differences.length && !reader.shape.isKeyless;
    if (!isNamed || differencesTotal === 0) return { walk, repaired: 0 };
    const found = await orderUntilEqual(reader, differences, options);
    return { walk: replaced(walk, found), repaired: differencesTotal - found.differencesTotal - found.unsettled };
  };
}

/** @returns what is found of the rows at the end. */
async function orderUntilEqual(
  reader: TableReader,
  differences: readonly Difference[],
  { maxAttempts = 20, giveUpAfterMs = 60_000, ...of }: RepairOptions,
): Promise<RangeResult> {
  const keys = differences.map(({ key }) => key);
  let open = differences;
  let movedAt = performance.now();
  for (let look = 0; ; look++) {
    if (look % LOOKS_OF_AN_ORDER === 0) await order(reader, open, of);
    await sleep(LOOK_AGAIN_MS);
    reader.signal.throwIfAborted();
    const found = await settleAll(reader, keys, maxAttempts);
    if (found.differencesTotal < open.length) movedAt = performance.now();
    open = found.differences;
    const isEqual = found.differencesTotal + found.unsettled === 0;
    if (isEqual || performance.now() - movedAt > giveUpAfterMs) return found;
  }
}

async function settleAll(reader: TableReader, keys: readonly Difference['key'][], maxAttempts: number) {
  let found: RangeResult = NOTHING_COMPARED;
  for (let at = 0; at < keys.length; at += MAX_ORDERED_ROWS) {
    const batch = keys.slice(at, at + MAX_ORDERED_ROWS);
    found = addResults(found, await settleKeys(reader, batch, { maxAttempts, nameLimit: MAX_REPAIRED_ROWS }));
  }
  return found;
}

/** Rows that are too many first: they may hold values that must be unique. */
async function order(
  { shape }: TableReader,
  differences: readonly Difference[],
  { pipeline, source }: Pick<RepairOptions, 'pipeline' | 'source'>,
): Promise<void> {
  const whole = ({ key }: Difference): Key => {
    const compared = key.values();
    return shape.keyColumns.map(({ value }) => value ?? compared.next().value!);
  };
  const rows = differences
    .map((one): RepairRow => ({ key: whole(one), ...(one.kind === 'extra' ? { isExtra: true as const } : {}) }))
    .sort((a, b) => Number(b.isExtra ?? false) - Number(a.isExtra ?? false));
  const table = displayName(shape.mapping.source);
  const columns = shape.keyColumns.map(({ name }) => name);
  for (let at = 0; at < rows.length; at += MAX_ORDERED_ROWS) {
    const text = formatRepairOrder({ pipeline, table, columns, rows: rows.slice(at, at + MAX_ORDERED_ROWS) });
    await source
      .query('SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)', [MESSAGE.repair, text])
      .catch((error: unknown) => {
        throw classify('source', error, `ordering rows of ${table} to be read again`);
      });
  }
}

/** The walk as if it had found of the differing rows what is found now. */
function replaced(walk: TableWalk, now: RangeResult): TableWalk {
  const { differing, ...total } = walk.total;
  const without = (side: keyof SideTallies) => subtractTallies(total[side], differing[side]);
  const equal = {
    ...NOTHING_COMPARED,
    source: without('source'),
    target: without('target'),
    unsettled: total.unsettled,
  };
  return { ...walk, total: addResults(equal, now) };
}
