import { jsonStringBytes } from '../../core/byte-writer.js';
import { FerryError } from '../../core/errors.js';
import { displayName, type QualifiedName, type Relation } from '../../core/relation.js';
import { oldTupleAt, type RowMessage } from './pgoutput/decode.js';
import { readColumns } from './pgoutput/tuple.js';
import type { TablePlan } from './snapshot/chunk.js';

/**
 * The largest row that every stage can hold, as text with what replica identity gives of the old row: Node's strings end
 * at 512 MB, and a stage has a row several times over.
 */
export const MAX_ROW_BYTES = 256 * 1024 * 1024;

/** A row change below this is within the limit however its text is escaped. */
export const SURELY_FITS_BYTES = MAX_ROW_BYTES / 6;

/** @throws FerryError `record-too-large` naming the table and the key. */
export function refuseLargerRow(message: Buffer, row: RowMessage, relation: Relation, plan: TablePlan): void {
  const bytes = message.length > MAX_ROW_BYTES ? message.length : jsonStringBytes(message, 0, message.length);
  if (bytes <= MAX_ROW_BYTES) return;
  const at = row.newAt < 0 ? oldTupleAt(row) : row.newAt;
  const indexes = plan.key.map((name) => relation.columns.findIndex((column) => column.name === name));
  const values = readColumns(message, at, indexes, SHOWN_BYTES);
  const key = plan.key.map((name, i) => `${name} = ${values[i] === false ? '...' : values[i]}`).join(', ');
  throw rowTooLarge(relation, `with ${key}`, bytes);
}

const SHOWN_BYTES = 100;

/** @param which the row, or what is known of it: `with id = 7`. */
export function rowTooLarge(table: QualifiedName, which: string, bytes: number): FerryError {
  const name = displayName(table);
  return new FerryError(
    'record-too-large',
    `the row of ${name} ${which} takes ${bytes} bytes or more as text: above the ${MAX_ROW_BYTES} that can be moved`,
    {
      details: { table: name, bytes },
      remedy:
        'Leave the table out of the mapping and move it by other means, or make the row smaller before it is captured.',
    },
  );
}
