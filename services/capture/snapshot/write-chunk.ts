import { addTo } from '../../../core/ledger.js';
import type { Position } from '../../../core/position.js';
import { type RowsLine, relationToLine } from '../../../core/record.js';
import type { RecordWriter } from '../../../core/record-writer.js';
import { displayName } from '../../../core/relation.js';
import type { CaptureTallies } from '../tallies.js';
import type { ClosedWindow } from './windows.js';

/**
 * Writes a chunk at its high watermark, as blocks of whole lines that fit a record. The last block carries the
 * chunk's mark: a restart resumes behind it.
 */
export function writeChunk(
  writer: RecordWriter,
  closed: ClosedWindow,
  nextPosition: () => Position,
  tallies: CaptureTallies,
): void {
  const { plan, chunk, reconciled } = closed;
  const { id } = plan.relation;
  const name = displayName(plan.relation);
  if (!writer.hasRelation(id)) writer.relation(id, JSON.stringify(relationToLine(plan.relation)));
  for (const block of blocks(reconciled.text)) {
    const position = nextPosition();
    const line: RowsLine = {
      rel: id,
      ix: position.index,
      op: 'r',
      rows: block.rows,
      ...(block.isLast && reconciled.gaveWay > 0 ? { gaveWay: reconciled.gaveWay } : {}),
      bytes: block.end - block.start,
      columns: chunk.columns,
      ...(block.isLast && chunk.mark ? { chunk: chunk.mark } : {}),
    };
    const out = writer.event(position, id);
    out.text(`${JSON.stringify(line)}\n`);
    out.bytes(reconciled.text, block.start, block.end);
  }
  addTo(tallies.read, name, chunk.rows);
  addTo(tallies.deduplicated, name, reconciled.gaveWay);
  addTo(tallies.captured, name, reconciled.rows);
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly isLast: boolean;
}

/** Cuts COPY text between lines into pieces of about BLOCK_BYTES; an empty chunk is one empty block. */
function* blocks(text: Buffer): Generator<Block> {
  let start = 0;
  let rows = 0;
  for (let at = 0; at < text.length; ) {
    at = text.indexOf(NEWLINE, at) + 1;
    rows++;
    if (at - start < BLOCK_BYTES && at < text.length) continue;
    yield { start, end: at, rows, isLast: at === text.length };
    start = at;
    rows = 0;
  }
  if (text.length === 0) yield { start: 0, end: 0, rows: 0, isLast: true };
}

const NEWLINE = 0x0a;
/** Below Kafka's default limit of a record batch, 1 MiB, with room for the record's own lines. */
const BLOCK_BYTES = 512 * 1024;
