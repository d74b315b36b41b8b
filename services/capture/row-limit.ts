import { jsonStringBytes } from '../../core/byte-writer.js';
import { MAX_ROW_BYTES } from '../../core/config/schema.js';
import { FerryError } from '../../core/errors.js';
import { displayName, type QualifiedName, type Relation } from '../../core/relation.js';
import { oldTupleAt, type RowMessage } from './pgoutput/decode.js';
import { readColumns } from './pgoutput/tuple.js';
import type { TablePlan } from './snapshot/chunk.js';

/** @throws FerryError `record-too-large` naming the table and the key. */
export function refuseLargerRow(
  message: Buffer,
  row: RowMessage,
  { relation, plan, maxBytes }: { readonly relation: Relation; readonly plan: TablePlan; readonly maxBytes: number },
): void {
  const bytes = message.length > maxBytes ? message.length : jsonStringBytes(message, 0, message.length);
  if (bytes <= maxBytes) return;
  const at = row.newAt < 0 ? oldTupleAt(row) : row.newAt;
  const indexes = plan.key.map((name) => relation.columns.findIndex((column) => column.name === name));
  const values = readColumns(message, at, indexes, SHOWN_BYTES);
  const key = plan.key.map((name, i) => `${name} = ${values[i] === false ? '...' : values[i]}`).join(', ');
  throw rowTooLarge(relation, `with ${key}`, { bytes, maxBytes });
}

/** A row change is within the limit, however its text is escaped. */
export function surelyFits(message: Buffer, maxBytes: number): boolean {
  return message.length * 6 <= maxBytes;
}

const SHOWN_BYTES = 100;

/** @param which the row, or what is known of it: `with id = 7`. */
export function rowTooLarge(
  table: QualifiedName,
  which: string,
  { bytes, maxBytes }: { readonly bytes: number; readonly maxBytes: number },
): FerryError {
  const name = displayName(table);
  const raise =
    maxBytes < MAX_ROW_BYTES
      ? 'Raise capture.maxRowBytes, where apply has the memory (docs/reference.md); or leave'
      : 'Leave';
  return new FerryError(
    'record-too-large',
    `the row of ${name} ${which} takes ${bytes} bytes or more as text: above the ${maxBytes} that can be moved`,
    {
      details: { table: name, bytes },
      remedy: `${raise} the table out of the mapping and move it by other means, or make the row smaller before it is captured.`,
    },
  );
}
