import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../../platform/postgres.js';
import { type Chunk, type KeyType, lineStarts, type TablePlan } from './chunk.js';
import { parseSnapshot } from './delivered-xids.js';
import { keyOfLine } from './watermark-window.js';

/** Which rows a chunk has. */
export type ChunkRange =
  | { readonly after: readonly string[] | undefined; readonly limit: number }
  | { readonly keys: readonly (readonly string[])[] };

/**
 * Reads one chunk in a transaction of its own, which is over when this returns: no snapshot is ever held longer than a
 * chunk takes.
 */
export async function readChunk(source: ClientBase, plan: TablePlan, range: ChunkRange): Promise<Chunk> {
  await source.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const { rows } = await source.query<{ snapshot: string }>('SELECT pg_catalog.pg_current_snapshot() AS snapshot');
    const parts: Buffer[] = [];
    for await (const part of source.query(copyTo(`COPY (${chunkSql(plan, range)}) TO STDOUT`))) parts.push(part);
    await source.query('COMMIT');
    return toChunk(plan, range, Buffer.concat(parts), rows[0]!.snapshot);
  } catch (error) {
    await source.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

function toChunk(plan: TablePlan, range: ChunkRange, text: Buffer, snapshot: string): Chunk {
  const starts = lineStarts(text);
  const rows = starts.length - 1;
  const keyIndexes = plan.key.map((name) => plan.columns.indexOf(name));
  const last = rows > 0 ? keyOfLine(text.subarray(starts[rows - 1], starts[rows]), keyIndexes) : undefined;
  const mark =
    'keys' in range ? undefined : { ...((last ?? range.after) ? { upTo: last ?? range.after } : {}), final: false };
  return { text, rows, mark, snapshot: parseSnapshot(snapshot) };
}

/** The chunk's SELECT. COPY takes no parameters, so keys are literals of the key's types. */
export function chunkSql(plan: TablePlan, range: ChunkRange): string {
  const columns = plan.columns.map(quoteIdentifier).join(', ');
  const select = `SELECT ${columns} FROM ${quoteName(plan.relation)}`;
  const key = plan.key.map((name, i): KeySql => ({ ...plan.keyTypes[i]!, column: keyExpression(plan, name, i) }));
  if ('keys' in range) return `${select} WHERE ${isOneOf(key, range.keys)}`;
  const where = range.after ? ` WHERE ${isAfter(key, range.after)}` : '';
  return `${select}${where} ORDER BY ${key.map(({ column }) => column).join(', ')} LIMIT ${range.limit}`;
}

type KeySql = KeyType & { readonly column: string };

function keyExpression({ keyTypes }: TablePlan, name: string, index: number): string {
  const { sql, isDomain } = keyTypes[index]!;
  return isDomain ? `${quoteIdentifier(name)}::${sql}` : quoteIdentifier(name);
}

const literal = (value: string, { sql }: KeySql) => `${quoteLiteral(value)}::${sql}`;
const columnsOf = (key: readonly KeySql[]) => `(${key.map(({ column }) => column).join(', ')})`;
const literalsOf = (key: readonly KeySql[], values: readonly string[]) =>
  `(${values.map((value, i) => literal(value, key[i]!)).join(', ')})`;

/** Compared as a row, which the key's index serves; that takes one operator for all columns. */
function isAfter(key: readonly KeySql[], values: readonly string[]): string {
  if (key.every(({ greater }) => greater === null)) return `${columnsOf(key)} > ${literalsOf(key, values)}`;
  const alternatives = key.map((column, i) => {
    const equal = equals(key.slice(0, i), values);
    const greater = `${column.column} ${column.greater ?? '>'} ${literal(values[i]!, column)}`;
    return `(${[...equal, greater].join(' AND ')})`;
  });
  return `(${alternatives.join(' OR ')})`;
}

function isOneOf(key: readonly KeySql[], keys: readonly (readonly string[])[]): string {
  if (key.every(({ equal }) => equal === null)) {
    return `${columnsOf(key)} IN (${keys.map((values) => literalsOf(key, values)).join(', ')})`;
  }
  return `(${keys.map((values) => `(${equals(key, values).join(' AND ')})`).join(' OR ')})`;
}

function equals(key: readonly KeySql[], values: readonly string[]): string[] {
  return key.map((column, i) => `${column.column} ${column.equal ?? '='} ${literal(values[i]!, column)}`);
}
