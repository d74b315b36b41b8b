import { judge, type Observation, type RowState } from './judge.js';
import { nameDifferences } from './name-differences.js';
import { keyId, observeKeys, observeRange, type TableReader } from './observe.js';
import type { Key, KeyRange } from './queries.js';
import type { Difference, Tally } from './report.js';

export interface RangeResult {
  readonly source: Tally;
  readonly target: Tally;
  readonly differences: readonly Difference[];
  readonly differencesTotal: number;
  readonly unsettled: number;
}

export interface SettleOptions {
  /** Looks at a row, at least two, before it counts as unsettled. */
  readonly maxAttempts: number;
  /** Differences that may still be named. */
  readonly nameLimit: number;
}

/**
 * Looks at each row of a range until it is known to be equal or really different. Rows that are only late, or change
 * while they are looked at, settle as apply goes on.
 */
export async function settleRange(reader: TableReader, range: KeyRange, options: SettleOptions): Promise<RangeResult> {
  return settle(reader, await observeRange(reader, range), options);
}

/** The same, of the rows of these keys. */
export async function settleKeys(
  reader: TableReader,
  keys: readonly Key[],
  options: SettleOptions,
): Promise<RangeResult> {
  return settle(reader, await observeKeys(reader, keys), options);
}

async function settle(
  reader: TableReader,
  first: readonly Observation[],
  options: SettleOptions,
): Promise<RangeResult> {
  const result = new ResultBuilder();
  let looks = first;
  let open = new Map<string, Observation>();
  for (let attempt = 1; ; attempt++) {
    open = await sortOut(reader, { looks, open, result, nameLimit: options.nameLimit });
    if (open.size === 0 || attempt >= options.maxAttempts) break;
    reader.signal.throwIfAborted();
    const keys = [...open.values()].map(({ key }) => key);
    looks = await observeKeys(reader, keys);
  }
  result.addUnsettled([...open.values()]);
  return result.build();
}

/** Judges each row and adds what is known now to the result; returns the rows to be looked at again. */
async function sortOut(
  reader: TableReader,
  round: {
    readonly looks: readonly Observation[];
    readonly open: ReadonlyMap<string, Observation>;
    readonly result: ResultBuilder;
    readonly nameLimit: number;
  },
): Promise<Map<string, Observation>> {
  const { looks, open, result, nameLimit } = round;
  const different: Observation[] = [];
  const again = new Map<string, Observation>();
  for (const look of looks) {
    const verdict = judge(open.get(keyId(look.key)), look);
    if (verdict === 'equal') result.addEqual(look.target);
    else if (verdict === 'different') different.push(look);
    else again.set(keyId(look.key), look);
  }
  const { confirmed, differences, changed } = await nameDifferences(reader, different, nameLimit - result.named);
  result.addDifferences(confirmed, differences);
  for (const look of changed) again.set(keyId(look.key), look);
  return again;
}

class ResultBuilder {
  private readonly source = { rows: 0, sum: 0n };
  private readonly target = { rows: 0, sum: 0n };
  private readonly differences: Difference[] = [];
  private differencesTotal = 0;
  private unsettled = 0;

  get named(): number {
    return this.differences.length;
  }

  /** The source has shown the same row, at some moment of the look. */
  addEqual(row: RowState | undefined): void {
    count(this.source, row);
    count(this.target, row);
  }

  addDifferences(confirmed: readonly Observation[], named: readonly Difference[]): void {
    this.differencesTotal += confirmed.length;
    this.differences.push(...named);
    this.addAsSeen(confirmed);
  }

  addUnsettled(looks: readonly Observation[]): void {
    this.unsettled += looks.length;
    this.addAsSeen(looks);
  }

  private addAsSeen(looks: readonly Observation[]): void {
    for (const look of looks) {
      count(this.source, look.source);
      count(this.target, look.target);
    }
  }

  build(): RangeResult {
    const { source, target, differences, differencesTotal, unsettled } = this;
    return { source, target, differences, differencesTotal, unsettled };
  }
}

function count(tally: { rows: number; sum: bigint }, row: RowState | undefined): void {
  if (!row) return;
  tally.rows += row.rows;
  tally.sum += row.hash;
}
