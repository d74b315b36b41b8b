import { displayName } from '../../../core/relation.js';
import type { TableReader } from './observe.js';
import { type KeyRange, WHOLE_TABLE } from './queries.js';
import {
  addTallies,
  EMPTY_TALLY,
  equalTallies,
  formatChecksum,
  MAX_NAMED_DIFFERENCES,
  type TableReport,
  type Tally,
} from './report.js';
import { type RangeResult, settleKeys, settleRange } from './settle-range.js';
import type { SideReader } from './side-reader.js';

export interface VerifyTableOptions {
  readonly chunkRows: number;
  readonly maxAttempts: number;
  /** Called after each chunk with the rows of the source that have been compared. */
  readonly onRows: (rows: number) => void;
}

/** Compares one table, chunk by chunk in key order; each query is over as soon as its chunk is read. */
export async function verifyTable(reader: TableReader, options: VerifyTableOptions): Promise<TableReport> {
  let total: RangeResult = resultOf(EMPTY_TALLY, EMPTY_TALLY);
  for await (const chunk of chunksOf(reader.source, WHOLE_TABLE, options.chunkRows)) {
    reader.signal.throwIfAborted();
    total = await verifyRange(reader, chunk, options, total);
    options.onRows(total.source.rows);
  }
  for await (const keys of reader.beyond?.(options.chunkRows) ?? []) {
    const nameLimit = MAX_NAMED_DIFFERENCES - total.differences.length;
    total = addResults(total, await settleKeys(reader, keys, { maxAttempts: options.maxAttempts, nameLimit }));
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
  const [source, target] = await Promise.all([reader.source.tally(range), reader.target.tally(range)]);
  if (equalTallies(source, target)) return addResults(before, resultOf(source, target));
  if (target.rows > 2 * options.chunkRows) {
    // The chunk is measured in rows of the source: what the target has too many must not fill the memory either.
    let total = before;
    for await (const part of chunksOf(reader.target, range, options.chunkRows)) {
      reader.signal.throwIfAborted();
      total = await verifyRange(reader, part, options, total);
    }
    return total;
  }
  const nameLimit = MAX_NAMED_DIFFERENCES - before.differences.length;
  return addResults(before, await settleRange(reader, range, { maxAttempts: options.maxAttempts, nameLimit }));
}

/** Splits a range where one side has `rows` rows each; the parts leave no key out, whichever side has it. */
async function* chunksOf(side: SideReader, range: KeyRange, rows: number): AsyncGenerator<KeyRange> {
  let after = range.after;
  while (true) {
    const end = await side.chunkEnd({ ...range, after }, rows);
    if (!end) break;
    yield { after, through: end };
    after = end;
  }
  yield { ...range, after };
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
