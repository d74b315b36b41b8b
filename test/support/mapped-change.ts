import { ByteWriter } from '../../core/byte-writer.js';
import type { RowMapper } from '../../core/mapping/row-mapper.js';
import type { RowLine, RowsLine } from '../../core/record.js';
import { RecordScanner } from '../../core/record-scanner.js';

/** Sends a change through a mapper as the router does. @returns the target's change; undefined where it has none. */
export function mapChange(mapper: RowMapper, line: RowLine): RowLine | undefined {
  const { rel, ix, op, everywhere, key, old, new: now } = line;
  // Members that are undefined are left out, the others stand in the order that capture gives them.
  const text = JSON.stringify({ rel, ix, op, everywhere, key, old, new: now });
  const record = Buffer.from(`{}\n${text}\n`);
  const scanner = new RecordScanner(record);
  scanner.next();
  const selected = mapper.select(record, scanner);
  if (!selected) return undefined;
  const out = new ByteWriter(1);
  out.bytes(record, scanner.start, scanner.opAt);
  mapper.write(out, selected);
  const [written, ...rest] = out.view().toString().split('\n');
  if (rest.join() !== '') throw new Error('more than one line');
  return JSON.parse(written!) as RowLine;
}

/** A snapshot's rows, likewise. */
export function mapRows(
  mapper: RowMapper,
  line: RowsLine,
  text: Buffer,
): { readonly line: RowsLine; readonly text: Buffer } {
  const out = new ByteWriter(1);
  out.ascii('before');
  const mapped = mapper.copied.write(out, mapper.copied.select(line, text));
  return { line: mapped, text: Buffer.from(out.view().subarray('before'.length)) };
}
