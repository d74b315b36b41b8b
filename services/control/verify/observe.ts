import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Lsn, parseLsn } from '../../../core/lsn.js';
import type { AppliedProbe } from './applied-probe.js';
import type { KeysBeyond } from './candidate-reader.js';
import type { Observation, RowState } from './judge.js';
import type { LeftBehind } from './left-behind.js';
import type { Key, KeyRange } from './queries.js';
import type { Session, TextRow } from './session.js';
import type { SideReader } from './side-reader.js';
import type { TableShape } from './table-shape.js';

/** What it takes to look at the rows of one table. */
export interface TableReader {
  readonly shape: TableShape;
  readonly source: SideReader;
  readonly target: SideReader;
  /** Keys of rows that only the target may have, where a walk over the source's keys does not come to them. */
  readonly beyond?: (rows: number, from: Key | undefined) => AsyncIterable<KeysBeyond>;
  /** Of a way back, where the other direction does not move all rows. */
  readonly leftBehind?: LeftBehind;
  readonly sessions: { readonly source: Session; readonly target: Session };
  readonly applied: AppliedProbe;
  /** How it learns that of the source: only where applications write to the target, too, and it is brought back. */
  readonly returned?: AppliedProbe | undefined;
  readonly signal: AbortSignal;
}

/** A key as one text, for maps. */
export const keyId = (key: Key): string => JSON.stringify(key);

type Rows = Map<string, { readonly key: Key; readonly state: RowState }>;

/** Looks at every row that either side has in the range. */
export async function observeRange(reader: TableReader, range: KeyRange): Promise<Observation[]> {
  const source = rowsByKey(await reader.source.rows(range));
  await waitUntilApplied(reader);
  const target = rowsByKey(await reader.target.rows(range));
  const keys = new Map([...source, ...target].map(([id, { key }]) => [id, key]));
  return observations(keys, [source], target);
}

/** Looks at these rows. A few are read from the source all the while, to see the values that busy ones pass through. */
export async function observeKeys(reader: TableReader, keys: readonly Key[]): Promise<Observation[]> {
  const readSource = async () => rowsByKey(await reader.source.rowsOfKeys(keys));
  const samples = [await readSource()];
  const lsn = await currentLsn(reader.sessions.source);
  const readTarget = async () => {
    await reader.applied.waitUntilApplied(lsn, reader.signal);
    return rowsByKey(await reader.target.rowsOfKeys(keys));
  };
  const target =
    keys.length > MAX_SAMPLED_KEYS
      ? await readTarget()
      : await whileSampling(readTarget, async () => void samples.push(await readSource()));
  return observations(new Map(keys.map((key) => [keyId(key), key])), samples, target);
}

/** So few are read in a millisecond or two: the source hardly notices, and what they show is small. */
const MAX_SAMPLED_KEYS = 200;
const SAMPLE_INTERVAL_MS = 5;

/** Takes samples, one at a time, until the work is done. */
async function whileSampling<T>(work: () => Promise<T>, sample: () => Promise<void>): Promise<T> {
  let isDone = false;
  const sampling = (async () => {
    while (!isDone) {
      await sample();
      await sleep(SAMPLE_INTERVAL_MS);
    }
  })();
  const working = work().finally(() => {
    isDone = true;
  });
  const [result] = await Promise.all([working, sampling]);
  return result;
}

async function waitUntilApplied({ sessions, applied, signal }: TableReader): Promise<void> {
  await applied.waitUntilApplied(await currentLsn(sessions.source), signal);
}

/** Every transaction that a read before this has seen ends at or before it. */
async function currentLsn(source: Session): Promise<Lsn> {
  const [row] = await source.read({ text: 'SELECT pg_catalog.pg_current_wal_insert_lsn()', values: [] });
  return parseLsn(row![0]!);
}

function rowsByKey(read: readonly TextRow[]): Rows {
  const rows: Rows = new Map();
  for (const [hash, version, ...key] of read) {
    const id = keyId(key as string[]);
    // A target without a unique index can hold a key twice, where the sum differs from the source's one row; and equal
    // rows of a table without a key have the same one on both sides.
    const twin = rows.get(id)?.state;
    const state = twin
      ? { hash: twin.hash + BigInt(hash!), rows: twin.rows + 1, version: bothVersions(twin.version, version!) }
      : { hash: BigInt(hash!), rows: 1, version: version! };
    rows.set(id, { key: key as string[], state });
  }
  return rows;
}

/** Of rows with one key, in whichever order they come. */
export function bothVersions(one: string, other: string): string {
  const number = (version: string) => (version.startsWith('#') ? Number(version.slice(1)) : crc32(version));
  return `#${(number(one) + number(other)) % 2 ** 48}`;
}

function observations(keys: ReadonlyMap<string, Key>, samples: readonly Rows[], target: Rows): Observation[] {
  const [first, ...later] = samples;
  return [...keys].map(([id, key]) => ({
    key,
    source: first!.get(id)?.state,
    sampled: new Set(later.map((rows) => rows.get(id)?.state.hash)),
    target: target.get(id)?.state,
  }));
}
