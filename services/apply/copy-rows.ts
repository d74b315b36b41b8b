import { copyLine, parseCopyField } from '../../core/copy-text.js';
import type { RowBlock, TableStep } from './batch.js';
import { copiedLetter, keyOfCopied, type Letter, type Place } from './letter.js';
import type { StandingKeys } from './standing-keys.js';
import type { TableShape } from './table-shape.js';

const NEWLINE = 0x0a;

/** The rows of COPY text, each with its newline: within values it is escaped. */
export function copyLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(NEWLINE, start) + 1;
    lines.push(text.subarray(start, end));
    start = end;
  }
  return lines;
}

export function copyValues(line: Buffer): (string | null)[] {
  return line
    .toString('utf8', 0, line.length - 1)
    .split('\t')
    .map(parseCopyField);
}

/** A block of other rows. */
export function blockOf({ shape, line }: RowBlock, lines: readonly Buffer[]): RowBlock {
  const text = Buffer.concat(lines);
  return { shape, line: { ...line, rows: lines.length, bytes: text.length }, text };
}

/** Parts a snapshot's rows: those that must follow a standing change, and the others. */
export function partRows(
  block: RowBlock,
  standing: StandingKeys,
  place: Place,
): { readonly following: Letter[]; readonly rest: RowBlock } {
  const { shape, line, text } = block;
  const following: Letter[] = [];
  const rest: Buffer[] = [];
  if (!standing.isAbout(shape.name)) return { following, rest: block };
  for (const copied of copyLines(text)) {
    const values = copyValues(copied);
    const keys = [keyOfCopied(shape, line.columns, values)];
    if (standing.holds({ tables: [shape.name], keys }))
      following.push(copiedLetter(shape, line.columns, values, place));
    else rest.push(copied);
  }
  return { following, rest: following.length === 0 ? block : blockOf(block, rest) };
}

/** The step that writes one row of a snapshot. */
export function stepOfCopied(
  shape: TableShape,
  columns: readonly string[],
  row: readonly (string | null)[],
): TableStep {
  const text = Buffer.from(copyLine(row), 'utf8');
  return {
    kind: 'rows',
    block: { shape, line: { rel: shape.relation.id, ix: 0, op: 'r', rows: 1, bytes: text.length, columns }, text },
  };
}
