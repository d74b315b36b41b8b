import { addTo } from '../../../core/ledger.js';
import type { ChunkMark, RowLine, RowsLine } from '../../../core/record.js';
import { type Column, sourceName } from '../../../core/relation.js';
import { partitionOf } from '../partition-of.js';
import type { RawOutput, RawPartition } from '../raw-output.js';
import type { CaptureTallies } from '../tallies.js';
import { lineStarts, type TablePlan } from './chunk.js';
import { keyOfLine } from './watermark-window.js';
import type { ClosedWindow } from './windows.js';

/**
 * Writes a chunk at its high watermark, as blocks of whole lines that fit a record. The last block of each partition
 * carries the chunk's mark: once all partitions have it, a restart resumes behind it.
 */
export function writeChunk(
  output: RawOutput,
  closed: ClosedWindow,
  nextIndex: () => number,
  tallies: CaptureTallies,
): void {
  const { plan, chunk, reconciled } = closed;
  const { partitions } = output;
  const texts = partitions.length === 1 ? [reconciled.text] : splitByKey(reconciled.text, plan, partitions.length);
  texts.forEach((text, partition) => {
    const gaveWay = partition === 0 ? reconciled.gaveWay : 0;
    writeBlocks(partitions[partition]!, { plan, text, gaveWay, mark: chunk.mark }, nextIndex);
  });
  const name = sourceName(plan.relation);
  addTo(tallies.read, name, chunk.rows);
  addTo(tallies.deduplicated, name, reconciled.gaveWay);
  addTo(tallies.captured, name, reconciled.rows);
}

/**
 * Writes deletes of rows that the target has too many.
 * @param columns of the relation's line that is in force.
 */
export function writeGone(
  { partitions }: RawOutput,
  { plan, gone = [] }: ClosedWindow,
  columns: readonly Column[],
  nextIndex: () => number,
  tallies: CaptureTallies,
): void {
  const { id } = plan.relation;
  for (const values of gone) {
    const keyValue = (name: string) => values[plan.key.indexOf(name)] ?? null;
    const partition =
      partitions[
        partitionOf(
          plan,
          plan.partitionKey.map((name) => keyValue(name)!),
          partitions.length,
        )
      ]!;
    const position = partition.take(nextIndex())!;
    const key = columns.map(({ name }) => keyValue(name));
    const line: RowLine = { rel: id, ix: position.index, op: 'd', key };
    partition.writer.event(position, id).text(`${JSON.stringify(line)}\n`);
  }
  const name = sourceName(plan.relation);
  addTo(tallies.read, name, gone.length);
  addTo(tallies.captured, name, gone.length);
}

interface Part {
  readonly plan: TablePlan;
  readonly text: Buffer;
  readonly gaveWay: number;
  readonly mark: ChunkMark | undefined;
}

function writeBlocks(partition: RawPartition, { plan, text, gaveWay, mark }: Part, nextIndex: () => number): void {
  const { writer } = partition;
  const { id } = plan.relation;
  for (const block of blocks(text)) {
    // A chunk of this life: nothing of it is in the log.
    const position = partition.take(nextIndex())!;
    const line: RowsLine = {
      rel: id,
      ix: position.index,
      op: 'r',
      rows: block.rows,
      ...(block.isLast && gaveWay > 0 ? { gaveWay } : {}),
      bytes: block.end - block.start,
      columns: plan.columns,
      ...(block.isLast && mark ? { chunk: mark } : {}),
    };
    const out = writer.event(position, id);
    out.text(`${JSON.stringify(line)}\n`);
    out.bytes(text, block.start, block.end);
  }
}

function splitByKey(text: Buffer, plan: TablePlan, partitions: number): Buffer[] {
  const keyIndexes = plan.partitionKey.map((name) => plan.columns.indexOf(name));
  const lines = Array.from({ length: partitions }, (): Buffer[] => []);
  const starts = lineStarts(text);
  for (let i = 0; i + 1 < starts.length; i++) {
    const line = text.subarray(starts[i], starts[i + 1]);
    lines[partitionOf(plan, keyOfLine(line, keyIndexes), partitions)]!.push(line);
  }
  return lines.map((part) => Buffer.concat(part));
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
