import { chunkEnd, columnHashesOfKeys, type Key, type KeyRange, rangeRows, rangeTally, rowsOfKeys } from './queries.js';
import type { Tally } from './report.js';
import type { Session, TextRow } from './session.js';
import type { SideShape } from './table-shape.js';

/** Reads the rows of one side of a table, as they are compared. */
export interface SideReader {
  /** The key of the range's row number `rows`, counted from 1; undefined where it is shorter. */
  chunkEnd(range: KeyRange, rows: number): Promise<Key | undefined>;
  tally(range: KeyRange): Promise<Tally>;
  /** Hash, version, key columns. */
  rows(range: KeyRange): Promise<readonly TextRow[]>;
  /** The same, of these keys where they exist. */
  rowsOfKeys(keys: readonly Key[]): Promise<readonly TextRow[]>;
  /** The hash of each compared column as `{1,2,...}`, version, key columns. */
  columnHashes(keys: readonly Key[]): Promise<readonly TextRow[]>;
}

/** Rows that are hashed where they stand. */
export function sqlReader(session: Session, side: SideShape): SideReader {
  return {
    chunkEnd: (range, rows) => readChunkEnd(session, side, range, rows),
    async tally(range) {
      const [row] = await session.read(rangeTally(side, range));
      return { rows: Number(row![0]), sum: BigInt(row![1]!) };
    },
    rows: (range) => session.read(rangeRows(side, range)),
    rowsOfKeys: (keys) => session.read(rowsOfKeys(side, keys)),
    columnHashes: (keys) => session.read(columnHashesOfKeys(side, keys)),
  };
}

export async function readChunkEnd(
  session: Session,
  side: SideShape,
  range: KeyRange,
  rows: number,
): Promise<Key | undefined> {
  const [end] = await session.read(chunkEnd(side, range, rows));
  return end as Key | undefined;
}
