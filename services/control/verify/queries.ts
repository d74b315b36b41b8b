import { quoteIdentifier } from '../../../platform/postgres.js';
import { hashOf } from './row-hash.js';
import type { Statement } from './session.js';
import type { KeyColumn, SideShape } from './table-shape.js';

/** Values of the key columns, in index order, as PostgreSQL's text. */
export type Key = readonly string[];

/** Rows whose key is above `after` and not above `through`; open where one is absent. */
export interface KeyRange {
  readonly after?: Key;
  readonly through?: Key;
}

/** The key of the range's row number `rows`, counted from 1: where a chunk of that many rows ends. No row: it is shorter. */
export function chunkEnd(side: SideShape, range: KeyRange, rows: number): Statement {
  const key = side.key.map(({ expression }) => expression).join(', ');
  const { where, values } = inRange(side, range);
  return {
    text: `SELECT ${key} FROM ${side.from}${where} ORDER BY ${key} OFFSET $${values.length + 1} LIMIT 1`,
    values: [...values, rows - 1],
  };
}

/** One row: rows, sum of hashes. */
export function rangeTally(side: SideShape, range: KeyRange): Statement {
  const { where, values } = inRange(side, range);
  return {
    text: `SELECT count(*), coalesce(sum(${rowHash(side)}), 0) FROM ${side.from}${where}`,
    values,
  };
}

/** The rows of a range: hash, version, key columns. */
export function rangeRows(side: SideShape, range: KeyRange): Statement {
  const { where, values } = inRange(side, range);
  return { text: `SELECT ${rowState(side, rowHash(side))} FROM ${side.from}${where}`, values };
}

/** The keys of a range. */
export function keysInRange(side: SideShape, range: KeyRange): Statement {
  const { where, values } = inRange(side, range);
  return {
    text: `SELECT ${side.key.map(({ expression }) => expression).join(', ')} FROM ${side.from}${where}`,
    values,
  };
}

/** Keys that the source has, or had, as they are compared: a type of the target may write them in its own way. */
export function comparedKeys(side: SideShape, columns: readonly KeyColumn[], keys: readonly Key[]): Statement {
  const names = columns.map((_, index) => `k${index}`);
  const lists = names.map((_, index) => `$${index + 1}::text[]`);
  const typed = columns.map(
    ({ name, type }, index) => `CAST(k.${names[index]} AS ${type}) AS ${quoteIdentifier(name)}`,
  );
  return {
    text:
      `SELECT ${side.key.map(({ expression }) => expression).join(', ')} FROM (SELECT ${typed.join(', ')}` +
      ` FROM unnest(${lists.join(', ')}) AS k (${names.join(', ')})) AS t`,
    values: names.map((_, index) => keys.map((key) => key[index]!)),
  };
}

/** The rows of a range: version, key columns, and the columns as they are. */
export function valuesInRange(side: SideShape, range: KeyRange): Statement {
  const { where, values } = inRange(side, range);
  return { text: `SELECT ${rowValues(side)} FROM ${side.from}${where}`, values };
}

/** The rows of these keys, where they exist: version, key columns, and the columns as they are. */
export function valuesOfKeys(side: SideShape, keys: readonly Key[]): Statement {
  return ofKeys(side, keys, rowValues(side));
}

/** The rows of these keys, where they exist: hash, version, key columns. */
export function rowsOfKeys(side: SideShape, keys: readonly Key[]): Statement {
  return ofKeys(side, keys, rowState(side, rowHash(side)));
}

/** The rows of these keys, where they exist: the hash of each compared column as `{1,2,...}`, version, key columns. */
export function columnHashesOfKeys(side: SideShape, keys: readonly Key[]): Statement {
  const hashes = `ARRAY[${side.columns.map((column) => hashOf([column], side.recode)).join(', ')}]::bigint[]`;
  return ofKeys(side, keys, rowState(side, hashes));
}

function ofKeys(side: SideShape, keys: readonly Key[], selected: string): Statement {
  const names = side.key.map((_, index) => `k${index}`);
  const lists = names.map((_, index) => `$${index + 1}::text[]`);
  const matches = side.key.map(
    ({ expression, literalType }, index) => `${expression} = CAST(wanted.${names[index]} AS ${literalType})`,
  );
  return {
    text:
      `SELECT ${selected} FROM unnest(${lists.join(', ')}) AS wanted (${names.join(', ')})` +
      ` JOIN ${side.from} ON ${matches.join(' AND ')}`,
    values: names.map((_, index) => keys.map((key) => key[index]!)),
  };
}

/** The tuple's place and writer change with each update, even with one that brings an old value back. */
const VERSION = `concat_ws('/', t.tableoid, t.ctid, t.xmin)`;

function rowState(side: SideShape, hash: string): string {
  return [hash, VERSION, ...side.key.map(({ expression }) => expression)].join(', ');
}

function rowValues(side: SideShape): string {
  return [VERSION, ...side.key.map(({ expression }) => expression), ...side.columns].join(', ');
}

const rowHash = (side: SideShape) => hashOf(side.columns, side.recode);

function inRange(side: SideShape, range: KeyRange): { where: string; values: string[] } {
  const key = `ROW(${side.key.map(({ expression }) => expression).join(', ')})`;
  const values: string[] = [];
  const literals = (bound: Key) =>
    `ROW(${bound.map((value, index) => `$${values.push(value)}::${side.key[index]!.literalType}`).join(', ')})`;
  const conditions: string[] = [];
  if (range.after) conditions.push(`${key} > ${literals(range.after)}`);
  if (range.through) conditions.push(`${key} <= ${literals(range.through)}`);
  return { where: conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '', values };
}
