import type { ClientBase } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { quoteIdentifier, quoteLiteral } from '../../../platform/postgres.js';
import { rowTooLarge } from '../row-limit.js';
import { type Chunk, type KeyType, lineStarts, type TablePlan } from './chunk.js';
import { ChunkText } from './chunk-text.js';
import { parseSnapshot } from './delivered-xids.js';
import { rowsOf } from './table-plan.js';
import { keyOfLine } from './watermark-window.js';

/** Which rows a chunk has. */
export type ChunkRange =
  | { readonly after: readonly string[] | undefined; readonly limit: number }
  | { readonly keys: readonly (readonly string[])[] };

export interface ReadOptions {
  /** A chunk ends with the row that goes beyond this: how many rows it has was only estimated. */
  readonly maxBytes: number;
  /** Of one row. */
  readonly maxRowBytes: number;
  /** Cancels what the session is doing. */
  readonly cancel: (source: ClientBase) => Promise<void>;
}

/**
 * Reads one chunk in a transaction of its own, which is over when this returns: no snapshot is ever held longer than a
 * chunk takes.
 * @returns undefined when the table was rewritten meanwhile: to a snapshot from before it would be empty.
 * @throws FerryError `record-too-large` for a row that no stage could hold.
 */
export async function readChunk(
  source: ClientBase,
  plan: TablePlan,
  range: ChunkRange,
  options: ReadOptions,
): Promise<Chunk | undefined> {
  await source.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const { snapshot, file } = await readState(source, plan);
    const { text, isCut } = await readText(source, `(${chunkSql(plan, range)})`, options);
    const isRewritten = !isCut && (await readState(source, plan)).file !== file;
    await source.query(isCut ? 'ROLLBACK' : 'COMMIT');
    if (isRewritten) return undefined;
    if (text.openBytes > options.maxRowBytes) {
      const last = toChunk(plan, range, { text: text.lines(), isCut }, snapshot).mark?.upTo;
      throw rowTooLarge(plan.relation, last ? `behind the key ${JSON.stringify(last)}` : 'to be copied', {
        bytes: text.openBytes,
        maxBytes: options.maxRowBytes,
      });
    }
    return toChunk(plan, range, { text: text.lines(), isCut }, snapshot);
  } catch (error) {
    await source.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** The transaction's snapshot, and where the table's rows are, which is never of the past. */
export async function readState(source: ClientBase, { relation }: TablePlan) {
  const { rows } = await source.query<{ snapshot: string; file: string; lsn: string }>(
    `SELECT pg_catalog.pg_current_snapshot() AS snapshot, pg_catalog.pg_relation_filenode($1) AS file,
            pg_catalog.pg_current_wal_insert_lsn() AS lsn`,
    [relation.id],
  );
  return rows[0]!;
}

/** @param what of COPY: a table with its columns, or a query in parentheses. */
export function copyOut(source: ClientBase, what: string): AsyncIterable<Buffer> {
  return source.query(copyTo(`COPY ${what} TO STDOUT`));
}

/** Reads until the text is full, and then what comes until the server has heard that it may end. */
async function readText(
  source: ClientBase,
  query: string,
  { maxBytes, maxRowBytes, cancel }: ReadOptions,
): Promise<{ text: ChunkText; isCut: boolean }> {
  const text = new ChunkText(maxBytes);
  let cancelled: Promise<void> | undefined;
  try {
    for await (const part of copyOut(source, query)) {
      if (cancelled) continue;
      text.take(part);
      if (text.isFull || text.openBytes > maxRowBytes) {
        cancelled = cancel(source);
        // It may fail before it is waited for, or where the copy has failed and nobody waits.
        cancelled.catch(() => {});
      }
    }
  } catch (error) {
    if (!cancelled || (error as { code?: string }).code !== QUERY_CANCELED) throw error;
  }
  await cancelled;
  return { text, isCut: cancelled !== undefined };
}

const QUERY_CANCELED = '57014';

function toChunk(
  plan: TablePlan,
  range: ChunkRange,
  { text, isCut }: { readonly text: Buffer; readonly isCut: boolean },
  snapshot: string,
): Chunk {
  const starts = lineStarts(text);
  const rows = starts.length - 1;
  const keyIndexes = plan.key.map((name) => plan.columns.indexOf(name));
  const last = rows > 0 ? keyOfLine(text.subarray(starts[rows - 1], starts[rows]), keyIndexes) : undefined;
  const upTo = 'keys' in range ? undefined : (last ?? range.after);
  const mark = 'keys' in range ? undefined : { after: range.after ?? null, ...(upTo ? { upTo } : {}), final: false };
  return { text, rows, isCut, mark, snapshot: parseSnapshot(snapshot) };
}

/** The chunk's SELECT. COPY takes no parameters, so keys are literals of the key's types. */
export function chunkSql(plan: TablePlan, range: ChunkRange): string {
  const columns = plan.columns.map(quoteIdentifier).join(', ');
  const select = `SELECT ${columns} FROM ${rowsOf(plan)}`;
  const filter = plan.filter ? [`(${plan.filter})`] : [];
  const key = plan.key.map((name, i): KeySql => ({ ...plan.keyTypes[i]!, column: keyExpression(plan, name, i) }));
  if ('keys' in range) return `${select} WHERE ${[isOneOf(key, range.keys), ...filter].join(' AND ')}`;
  const conditions = [...(range.after ? [isAfter(key, range.after)] : []), ...filter];
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
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
