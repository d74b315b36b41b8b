import { displayName } from '../../../core/relation.js';
import type { TableReader } from './observe.js';
import { NOT_BEGUN, type TableWalk } from './progress.js';
import type { KeyRange } from './queries.js';
import { equalTallies, formatChecksum, MAX_NAMED_DIFFERENCES, type TableReport, type Tally } from './report.js';
import { addResults, NOTHING_COMPARED, type RangeResult, settleKeys, settleRange } from './settle-range.js';
import type { SideReader } from './side-reader.js';

export interface VerifyTableOptions {
  readonly chunkRows: number;
  readonly maxAttempts: number;
  /** Differences that are named at most. */
  readonly nameLimit?: number;
  /** Where an earlier comparison of the same shape stood. */
  readonly from?: TableWalk | undefined;
  /** Resolves when a chunk may be read. */
  readonly room?: (() => Promise<void>) | undefined;
  /** Called after each chunk, which is not read again once this has resolved. */
  readonly onChunk: (walk: TableWalk) => Promise<void>;
}

/**
 * Compares one table, chunk by chunk in key order; each query is over as soon as its chunk is read.
 * @returns where the walk has ended.
 */
export async function walkTable(reader: TableReader, options: VerifyTableOptions): Promise<TableWalk> {
  let walk = options.from ?? NOT_BEGUN;
  const move = async (to: Omit<TableWalk, 'total'>, found: RangeResult) => {
    walk = { ...to, total: addResults(walk.total, found) };
    await options.onChunk(walk);
  };
  const settling = () => ({
    maxAttempts: options.maxAttempts,
    nameLimit: (options.nameLimit ?? MAX_NAMED_DIFFERENCES) - walk.total.differences.length,
  });
  const compare = async (chunk: KeyRange): Promise<void> => {
    reader.signal.throwIfAborted();
    const [source, target] = await Promise.all([reader.source.tally(chunk), reader.target.tally(chunk)]);
    const isEqual = equalTallies(source, target);
    if (!isEqual && target.rows > 2 * options.chunkRows) {
      // The chunk is measured in rows of the source: what the target has too many must not fill the memory either.
      for await (const part of chunksOf(reader.target, chunk, options)) await compare(part);
      return;
    }
    const found = isEqual ? resultOf(source, target) : await settleRange(reader, chunk, settling());
    await move(behind(chunk, reader), found);
  };
  if (walk.phase === 'rows') {
    for await (const chunk of chunksOf(reader.source, { after: walk.after }, options)) {
      await compare(chunk);
    }
  }
  if (walk.phase === 'beyond') {
    for await (const { keys, through } of reader.beyond!(options.chunkRows, walk.after)) {
      reader.signal.throwIfAborted();
      await options.room?.();
      const found = keys.length > 0 ? await settleKeys(reader, keys, settling()) : NOTHING_COMPARED;
      await move({ phase: through ? 'beyond' : 'ended', after: through }, found);
    }
  }
  return walk;
}

/** What a walk that has ended says of its table. */
export function reportOf({ mapping }: TableReader['shape'], { total }: TableWalk): TableReport {
  return {
    source: displayName(mapping.source),
    target: displayName(mapping.target),
    rows: total.source.rows,
    targetRows: total.target.rows,
    checksum: { source: formatChecksum(total.source), target: formatChecksum(total.target) },
    equal: total.differencesTotal === 0 && total.unsettled === 0,
    differences: total.differences.slice(0, MAX_NAMED_DIFFERENCES),
    differencesTotal: total.differencesTotal,
    unsettled: total.unsettled,
  };
}

function behind({ through }: KeyRange, { beyond }: TableReader): Omit<TableWalk, 'total'> {
  if (through) return { phase: 'rows', after: through };
  return { phase: beyond ? 'beyond' : 'ended', after: undefined };
}

/** Splits a range where one side has as many rows as a chunk; the parts leave no key out, whichever side has it. */
async function* chunksOf(
  side: SideReader,
  range: KeyRange,
  { chunkRows, room }: VerifyTableOptions,
): AsyncGenerator<KeyRange> {
  let after = range.after;
  while (true) {
    await room?.();
    const end = await side.chunkEnd({ ...range, after }, chunkRows);
    if (!end) break;
    yield { after, through: end };
    after = end;
  }
  yield { ...range, after };
}

function resultOf(source: Tally, target: Tally): RangeResult {
  return { ...NOTHING_COMPARED, source, target };
}
