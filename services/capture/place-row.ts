import { FerryError } from '../../core/errors.js';
import type { Tuple } from '../../core/record.js';
import { displayName, type Relation } from '../../core/relation.js';
import { partitionOf } from './partition-of.js';
import { NONE, oldTupleAt, type RowMessage } from './pgoutput/decode.js';
import { readTuple } from './pgoutput/tuple.js';
import type { TablePlan } from './snapshot/chunk.js';

/** One partition's part of a row change. */
export interface PlacedRow {
  readonly partition: number;
  readonly row: RowMessage;
  /** Of a tuple with values that the new row calls unchanged; NONE without. */
  readonly oldAt: number;
  /** All partitions have the same event, and wait for each other there. */
  readonly everywhere: boolean;
}

/**
 * Where a row change goes when the raw topic has several partitions. A row whose key moves to another partition is
 * deleted in the one and created in the other. Where its TOAST values stayed behind in the target's old row, that
 * cannot be: such a change goes everywhere, and apply does it once everything before it is done.
 * @throws FerryError `source-unfit` when the key's columns are not those that the snapshot began with.
 */
export function placeRow(
  message: Buffer,
  row: RowMessage,
  relation: Relation,
  plan: TablePlan,
  partitions: number,
): PlacedRow[] {
  const columns = partitionKeyIndexes(relation, plan);
  const oldAt = oldTupleAt(row);
  const old = oldAt === NONE ? undefined : readTuple(message, oldAt);
  const now = row.newAt === NONE ? undefined : readTuple(message, row.newAt);
  const placeOf = (tuple: Tuple, fallback?: Tuple) =>
    partitionOf(
      plan,
      columns.map((index) => (tuple[index] === false ? fallback?.[index] : tuple[index]) || ''),
      partitions,
    );
  const to = now && placeOf(now, old);
  const from = old && placeOf(old);
  if (to === undefined || from === undefined || from === to) {
    return [{ partition: (to ?? from)!, row, oldAt, everywhere: false }];
  }
  const isWhole = now!.every((known, index) => known !== false || typeof old![index] === 'string');
  if (!isWhole) {
    return Array.from({ length: partitions }, (_, partition) => ({ partition, row, oldAt, everywhere: true }));
  }
  return [
    { partition: from, row: { ...row, op: 'd', newAt: NONE }, oldAt: NONE, everywhere: false },
    { partition: to, row: { ...row, op: 'c', keyAt: NONE, oldAt: NONE }, oldAt, everywhere: false },
  ];
}

function partitionKeyIndexes(relation: Relation, plan: TablePlan): number[] {
  return plan.partitionKey.map((name) => {
    const index = relation.columns.findIndex((column) => column.name === name);
    if (index >= 0) return index;
    throw new FerryError(
      'source-unfit',
      `the key column ${name} of ${displayName(relation)} has another name now; with several partitions it must stay`,
    );
  });
}
