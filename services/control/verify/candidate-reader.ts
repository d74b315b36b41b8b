import type { LineageShape } from './lineage-shape.js';
import { keyId } from './observe.js';
import { chunkEnd, type Key, keysInRange } from './queries.js';
import type { Session, TextRow } from './session.js';
import { readChunkEnd, type SideReader, sqlReader } from './side-reader.js';

interface Sessions {
  readonly source: Session;
  readonly target: Session;
}

/** Reads candidates by keys of the source, in whose order the candidates do not stand. */
export function candidateReader({ source, target }: Sessions, shape: LineageShape): SideReader {
  const { toTarget, toSource } = shape.otherKeys;
  const candidates = sqlReader(target, shape.target);
  const back = (rows: readonly TextRow[]): TextRow[] =>
    rows.map(([hash, version, ...key]) => [hash!, version!, ...toSource(key as string[])]);
  const named = (keys: readonly Key[]) => keys.map(toTarget);
  const rowsOfKeys = async (keys: readonly Key[]) => back(await candidates.rowsOfKeys(named(keys)));
  const rows: SideReader['rows'] = async (range) =>
    rowsOfKeys((await source.read(keysInRange(shape.source, range))) as readonly Key[]);
  return {
    chunkEnd: (range, count) => readChunkEnd(source, shape.source, range, count),
    async tally(range) {
      const found = await rows(range);
      return { rows: found.length, sum: found.reduce((sum, [hash]) => sum + BigInt(hash!), 0n) };
    },
    rows,
    rowsOfKeys,
    columnHashes: async (keys) => back(await candidates.columnHashes(named(keys))),
  };
}

/** A part of the candidates' keys. */
export interface KeysBeyond {
  /** By the source's key columns: those that the source has no row for at the moment. */
  readonly keys: readonly Key[];
  /** Where the part ends; undefined for the last one. */
  readonly through: Key | undefined;
}

/**
 * Keys of candidates that the source has no row for: no walk over the source's keys comes to them.
 * @param from where an earlier walk has ended.
 */
export async function* keysBeyond(
  { target }: Sessions,
  shape: LineageShape,
  { source, rows, from }: { readonly source: SideReader; readonly rows: number; readonly from: Key | undefined },
): AsyncGenerator<KeysBeyond> {
  let after = from;
  do {
    const end = (await target.read(chunkEnd(shape.target, { ...(after ? { after } : {}) }, rows)))[0] as
      | Key
      | undefined;
    const range = { ...(after ? { after } : {}), ...(end ? { through: end } : {}) };
    const found = (await target.read(keysInRange(shape.target, range))) as readonly Key[];
    const keys = found.map(shape.otherKeys.toSource);
    const known = new Set((await source.rowsOfKeys(keys)).map(([, , ...key]) => keyId(key as string[])));
    yield { keys: keys.filter((key) => !known.has(keyId(key))), through: end };
    after = end;
  } while (after);
}
