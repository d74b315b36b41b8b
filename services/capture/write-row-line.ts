import type { ByteWriter } from '../../core/byte-writer.js';
import { NONE, type RowMessage } from './pgoutput/decode.js';
import { writeTuple } from './pgoutput/tuple.js';

/** Writes a row change's line. */
export function writeRowLine(
  out: ByteWriter,
  message: Buffer,
  row: RowMessage,
  { index, oldAt, everywhere }: { readonly index: number; readonly oldAt: number; readonly everywhere: boolean },
): void {
  out.ascii(`{"rel":${row.relation},"ix":${index},"op":"${row.op}"`);
  if (everywhere) out.ascii(',"everywhere":true');
  if (row.keyAt !== NONE) {
    out.ascii(',"key":');
    writeTuple(out, message, row.keyAt);
  }
  if (row.oldAt !== NONE) {
    out.ascii(',"old":');
    writeTuple(out, message, row.oldAt);
  }
  if (row.newAt !== NONE) {
    out.ascii(',"new":');
    // A key value that is stored out of line is unchanged in the new row, and comes with the old key.
    writeTuple(out, message, row.newAt, oldAt);
  }
  out.ascii('}\n');
}
