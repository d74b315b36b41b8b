import type { RowMapper } from '../../../core/mapping/row-mapper.js';
import { type Key, type KeyRange, valuesInRange, valuesOfKeys } from './queries.js';
import { hashOf } from './row-hash.js';
import type { Session, TextRow } from './session.js';
import { readChunkEnd, type SideReader } from './side-reader.js';
import type { SideShape } from './table-shape.js';

/** How the rows of a table with rules are compared: mapped here, then read through the target's types by the target. */
export interface MappedRows {
  readonly mapper: RowMapper;
  /** Of the mapper's values those that are compared. */
  readonly compared: readonly number[];
  /** The type, as SQL, that the target reads each of them through. */
  readonly types: readonly string[];
}

/** Of a row that the target's types do not take: no row of the target has it, but by a chance of 1 to 2^64. */
const UNREADABLE = '-6148914691236517206';

/**
 * Rows of the source as the mapping makes them.
 * @param sides `source` says which rows, and their keys; its columns are those that the mapper reads.
 */
export function mappedReader(
  sessions: { readonly source: Session; readonly target: Session },
  sides: { readonly source: SideShape; readonly target: SideShape },
  mapped: MappedRows,
): SideReader {
  const { source, target } = sessions;
  const { recode } = sides.target;
  const casts = mapped.types.map((type, i) => `CAST(m.c${i} AS ${type})`);
  const whole = hashOf(casts, recode);
  const each = `ARRAY[${casts.map((cast) => hashOf([cast], recode)).join(', ')}]::bigint[]`;
  const hashed = (read: readonly TextRow[], hash: string, unreadable: string) =>
    hashRows(target, read, { mapped, hash, unreadable, keys: sides.source.key.length });
  const rows = async (range: KeyRange) =>
    hashed(await source.read(valuesInRange(sides.source, range)), whole, UNREADABLE);
  const none = `{${casts.map(() => UNREADABLE).join(',')}}`;
  return {
    chunkEnd: (range, count) => readChunkEnd(source, sides.source, range, count),
    async tally(range) {
      const all = await rows(range);
      return { rows: all.length, sum: all.reduce((sum, [hash]) => sum + BigInt(hash!), 0n) };
    },
    rows,
    rowsOfKeys: async (keys: readonly Key[]) =>
      hashed(await source.read(valuesOfKeys(sides.source, keys)), whole, UNREADABLE),
    columnHashes: async (keys: readonly Key[]) =>
      hashed(await source.read(valuesOfKeys(sides.source, keys)), each, none),
  };
}

interface Hashing {
  readonly mapped: MappedRows;
  /** Over `m.c0`, `m.c1` ... */
  readonly hash: string;
  readonly unreadable: string;
  /** Key columns, which stand behind the version. */
  readonly keys: number;
}

/** @param read version, key columns, and the columns that the mapper reads. @returns hash, version, key columns. */
async function hashRows(target: Session, read: readonly TextRow[], hashing: Hashing): Promise<TextRow[]> {
  const { mapped, keys } = hashing;
  const rows = read.flatMap((row) => {
    const values = mapped.mapper.whole(row.slice(1 + keys));
    return values ? [{ values, head: row.slice(0, 1 + keys) }] : [];
  });
  const hashes = await hashValues(
    target,
    rows.map(({ values }) => mapped.compared.map((i) => values[i]!)),
    hashing,
  );
  return rows.map(({ head }, i) => [hashes[i]!, ...head]);
}

/** Halves what the target refuses until the row that it cannot read is alone. */
async function hashValues(target: Session, rows: readonly TextRow[], hashing: Hashing): Promise<string[]> {
  if (rows.length === 0) return [];
  const { types } = hashing.mapped;
  const lists = types.map((_, i) => `$${i + 1}::text[]`);
  const names = types.map((_, i) => `c${i}`);
  try {
    const found = await target.read({
      text: `SELECT ${hashing.hash} FROM unnest(${lists.join(', ')}) WITH ORDINALITY AS m (${names.join(', ')}, n) ORDER BY m.n`,
      values: types.map((_, i) => rows.map((row) => row[i]!)),
    });
    return found.map(([hash]) => hash!);
  } catch (error) {
    if (refusalOf(error) === undefined) throw error;
    if (rows.length === 1) return [hashing.unreadable];
    const half = Math.ceil(rows.length / 2);
    return [
      ...(await hashValues(target, rows.slice(0, half), hashing)),
      ...(await hashValues(target, rows.slice(half), hashing)),
    ];
  }
}

/** The SQLSTATE, where it is about a value: class 22 data exception, 23 of a domain's constraint. */
export function refusalOf(error: unknown): string | undefined {
  const { code } = ((error as Error).cause ?? {}) as { code?: string };
  return code !== undefined && /^2[23]/.test(code) ? code : undefined;
}
