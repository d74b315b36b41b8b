import type { AppliedProbe } from './applied-probe.js';
import { judge, type Observation, type RowState } from './judge.js';
import { nameDifferences } from './name-differences.js';
import { keyId, observeKeys, observeRange, type TableReader } from './observe.js';
import type { Key, KeyRange } from './queries.js';
import { addTallies, type Difference, EMPTY_TALLY, type Tally } from './report.js';

/** What was compared of both sides. */
export interface SideTallies {
  readonly source: Tally;
  readonly target: Tally;
}

export interface RangeResult extends SideTallies {
  /** Of that, the rows that differ. */
  readonly differing: SideTallies;
  readonly differences: readonly Difference[];
  readonly differencesTotal: number;
  readonly unsettled: number;
}

/** With the rows that nothing can be said about. */
export interface Settled extends RangeResult {
  readonly unsettledKeys: readonly Key[];
}

export const NOTHING_COMPARED: RangeResult = {
  source: EMPTY_TALLY,
  target: EMPTY_TALLY,
  differing: { source: EMPTY_TALLY, target: EMPTY_TALLY },
  differences: [],
  differencesTotal: 0,
  unsettled: 0,
};

export function addResults(a: RangeResult, b: RangeResult): RangeResult {
  return {
    ...addSides(a, b),
    differing: addSides(a.differing, b.differing),
    differences: [...a.differences, ...b.differences],
    differencesTotal: a.differencesTotal + b.differencesTotal,
    unsettled: a.unsettled + b.unsettled,
  };
}

function addSides(a: SideTallies, b: SideTallies): SideTallies {
  return { source: addTallies(a.source, b.source), target: addTallies(a.target, b.target) };
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
export async function settleRange(reader: TableReader, range: KeyRange, options: SettleOptions): Promise<Settled> {
  return settle(reader, await observeRange(reader, range), options);
}

/** The same, of the rows of these keys. */
export async function settleKeys(reader: TableReader, keys: readonly Key[], options: SettleOptions): Promise<Settled> {
  return settle(reader, await observeKeys(reader, keys), options);
}

async function settle(reader: TableReader, first: readonly Observation[], options: SettleOptions): Promise<Settled> {
  const result = new ResultBuilder();
  let looks = await withoutLeftBehind(reader, first);
  let open = new Map<string, Observation>();
  for (let attempt = 1; ; attempt++) {
    open = await sortOut(reader, { looks, open, result, nameLimit: options.nameLimit });
    if (open.size === 0 || attempt >= options.maxAttempts) break;
    reader.signal.throwIfAborted();
    if (reader.returned) await lookBack(reader, reader.returned, { open, result });
    if (open.size === 0) break;
    const keys = [...open.values()].map(({ key }) => key);
    looks = await withoutLeftBehind(reader, await observeKeys(reader, keys));
  }
  result.addUnsettled([...open.values()]);
  return result.build();
}

/** Rows of a way back that only its target has, and should. */
async function withoutLeftBehind(
  { leftBehind }: TableReader,
  looks: readonly Observation[],
): Promise<readonly Observation[]> {
  const alone = looks.filter(({ source, target }) => !source && target);
  if (!leftBehind || alone.length === 0) return looks;
  const left = await leftBehind(alone.map(({ key }) => key));
  return looks.filter(({ key }) => !left.has(keyId(key)));
}

/**
 * Where both sides are written a row may be ahead in the target. It is equal when the source comes to show what the target
 * has shown; behind this look the source has all that the target had at the look before.
 */
async function lookBack(
  reader: TableReader,
  returned: AppliedProbe,
  { open, result }: { readonly open: Map<string, Observation>; readonly result: ResultBuilder },
): Promise<void> {
  const { source, target, sessions } = reader;
  const turned = {
    ...reader,
    source: target,
    target: source,
    sessions: { source: sessions.target, target: sessions.source },
    applied: returned,
  };
  const keys = [...open.values()].map(({ key }) => key);
  for (const look of await observeKeys(turned, keys)) {
    if (judge(undefined, look) !== 'equal') continue;
    result.addEqual(look.target);
    open.delete(keyId(look.key));
  }
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
  private readonly sides = { source: { rows: 0, sum: 0n }, target: { rows: 0, sum: 0n } };
  private readonly differing = { source: { rows: 0, sum: 0n }, target: { rows: 0, sum: 0n } };
  private readonly differences: Difference[] = [];
  private readonly unsettledKeys: Key[] = [];
  private differencesTotal = 0;

  get named(): number {
    return this.differences.length;
  }

  /** The other side has shown the same row, at some moment of the look. */
  addEqual(row: RowState | undefined): void {
    count(this.sides.source, row);
    count(this.sides.target, row);
  }

  addDifferences(confirmed: readonly Observation[], named: readonly Difference[]): void {
    this.differencesTotal += confirmed.length;
    this.differences.push(...named);
    for (const look of confirmed) {
      countBoth(this.sides, look);
      countBoth(this.differing, look);
    }
  }

  addUnsettled(looks: readonly Observation[]): void {
    for (const look of looks) {
      countBoth(this.sides, look);
      this.unsettledKeys.push(look.key);
    }
  }

  build(): Settled {
    const { sides, differing, differences, differencesTotal, unsettledKeys } = this;
    return { ...sides, differing, differences, differencesTotal, unsettled: unsettledKeys.length, unsettledKeys };
  }
}

interface OpenTally {
  rows: number;
  sum: bigint;
}

function countBoth(sides: { readonly source: OpenTally; readonly target: OpenTally }, look: Observation): void {
  count(sides.source, look.source);
  count(sides.target, look.target);
}

function count(tally: OpenTally, row: RowState | undefined): void {
  if (!row) return;
  tally.rows += row.rows;
  tally.sum += row.hash;
}
