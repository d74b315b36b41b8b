import { displayName } from '../../../core/relation.js';
import type { TableReader } from './observe.js';
import { chunkEnd, type Key, type KeyRange, rangeTally, WHOLE_TABLE } from './queries.js';
import {
  addTallies,
  EMPTY_TALLY,
  equalTallies,
  formatChecksum,
  MAX_NAMED_DIFFERENCES,
  type TableReport,
  type Tally,
} from './report.js';
import type { Session } from './session.js';
import { type RangeResult, settleRange } from './settle-range.js';
import type { SideShape } from './table-shape.js';

export interface VerifyTableOptions {
  readonly chunkRows: number;
  readonly maxAttempts: number;
  /** Called after each chunk with the rows of the source that have been compared. */
  readonly onRows: (rows: number) => void;
}

/** Compares one table, chunk by chunk in key order; each query is over as soon as its chunk is read. */
export async function verifyTable(reader: TableReader, options: VerifyTableOptions): Promise<TableReport> {
  let total: RangeResult = resultOf(EMPTY_TALLY, EMPTY_TALLY);
  for await (const chunk of chunksOf(reader.source, reader.shape.source, WHOLE_TABLE, options.chunkRows)) {
    reader.signal.throwIfAborted();
    total = await verifyRange(reader, chunk, options, total);
    options.onRows(total.source.rows);
  }
  const { mapping } = reader.shape;
  return {
    source: displayName(mapping.source),
    target: displayName(mapping.target),
    rows: total.source.rows,
    targetRows: total.target.rows,
    checksum: { source: formatChecksum(total.source), target: formatChecksum(total.target) },
    equal: total.differencesTotal === 0 && total.unsettled === 0,
    differences: total.differences,
    differencesTotal: total.differencesTotal,
    unsettled: total.unsettled,
  };
}

/** Compares one range and adds what it finds to `before`. */
async function verifyRange(
  reader: TableReader,
  range: KeyRange,
  options: VerifyTableOptions,
  before: RangeResult,
): Promise<RangeResult> {
  const [source, target] = await Promise.all([
    readTally(reader.source, reader.shape.source, range),
    readTally(reader.target, reader.shape.target, range),
  ]);
  if (equalTallies(source, target)) return addResults(before, resultOf(source, target));
  if (target.rows > 2 * options.chunkRows) {
    // The chunk is measured in rows of the source: what the target has too many must not fill the memory either.
    let total = before;
    for await (const part of chunksOf(reader.target, reader.shape.target, range, options.chunkRows)) {
      reader.signal.throwIfAborted();
      total = await verifyRange(reader, part, options, total);
    }
    return total;
  }
  const nameLimit = MAX_NAMED_DIFFERENCES - before.differences.length;
  return addResults(before, await settleRange(reader, range, { maxAttempts: options.maxAttempts, nameLimit }));
}

/** Splits a range where one side has `rows` rows each; the parts leave no key out, whichever side has it. */
async function* chunksOf(session: Session, side: SideShape, range: KeyRange, rows: number): AsyncGenerator<KeyRange> {
  let after = range.after;
  while (true) {
    const [end] = await session.read(chunkEnd(side, { ...range, after }, rows));
    if (!end) break;
    yield { after, through: end as Key };
    after = end as Key;
  }
  yield { ...range, after };
}

async function readTally(session: Session, side: SideShape, range: KeyRange): Promise<Tally> {
  const [row] = await session.read(rangeTally(side, range));
  return { rows: Number(row![0]), sum: BigInt(row![1]!) };
}

function resultOf(source: Tally, target: Tally): RangeResult {
  return { source, target, differences: [], differencesTotal: 0, unsettled: 0 };
}

function addResults(a: RangeResult, b: RangeResult): RangeResult {
  return {
    source: addTallies(a.source, b.source),
    target: addTallies(a.target, b.target),
    differences: [...a.differences, ...b.differences],
    differencesTotal: a.differencesTotal + b.differencesTotal,
    unsettled: a.unsettled + b.unsettled,
  };
}
