import { copyLine } from '../../core/copy-text.js';
import type { Tuple } from '../../core/record.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../platform/postgres.js';
import type { Move, NetChange, Upsert } from './fold.js';
import type { TableShape, TargetColumn } from './table-shape.js';

/** A statement with arrays of text as parameters: one array a column, one element a row. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (readonly (string | null)[])[];
  /** Rows that it must touch, where fewer would mean that a row is missing. */
  readonly mustTouch?: number;
}

/** Net changes of one table, by what must be done. */
export interface SplitChanges {
  readonly deletes: readonly Tuple[];
  readonly upserts: readonly Upsert[];
  readonly inserts: readonly Tuple[];
  /** Rows that are not known whole, by the columns that are known. */
  readonly updates: ReadonlyMap<string, readonly Tuple[]>;
  /** Rows of which others bring the rest, by the columns that are known. */
  readonly partials: ReadonlyMap<string, readonly Tuple[]>;
}

export function splitChanges(changes: Iterable<NetChange>): SplitChanges {
  const deletes: Tuple[] = [];
  const upserts: Upsert[] = [];
  const inserts: Tuple[] = [];
  const updates = new Map<string, Tuple[]>();
  const partials = new Map<string, Tuple[]>();
  for (const change of changes) {
    if (change.kind === 'delete') {
      deletes.push(change.key);
    } else if (change.kind === 'upsert') {
      upserts.push(change);
    } else if (change.kind === 'insert') {
      inserts.push(change.row);
    } else {
      const groups = change.kind === 'update' ? updates : partials;
      const known = knownText(change.row);
      const group = groups.get(known);
      if (group) group.push(change.row);
      else groups.set(known, [change.row]);
    }
  }
  return { deletes, upserts, inserts, updates, partials };
}

/** What tells rows of which other columns are known apart. */
export function knownText(row: Tuple): string {
  return row.map((value) => (value === false ? '-' : 'x')).join('');
}

function knownColumns(row: Tuple): number[] {
  return row.flatMap((value, i) => (value === false ? [] : [i]));
}

export function deleteStatement(shape: TableShape, keys: readonly Tuple[]): Statement {
  const { length } = shape.keyIndexes;
  return {
    text: `DELETE FROM ${rowsOf(shape)} t USING ${unnest(length)} k(${aliases(length)}) WHERE ${hasKey(shape)}`,
    values: transpose(keys, shape.keyIndexes),
  };
}

/** Few rows: one statement with its values as arrays. */
export function upsertStatement(shape: TableShape, rows: readonly Tuple[]): Statement {
  return { text: upsertFrom(shape, selectRows(shape)), values: wholeRows(shape, rows) };
}

/** Rows that the target does not have. Who puts one of them there meanwhile keeps it, and fewer are touched. */
export function insertStatement(shape: TableShape, rows: readonly Tuple[]): Statement {
  const key = shape.key.map(quoteIdentifier).join(', ');
  return {
    text: `${insertInto(shape)} ${selectRows(shape)} ON CONFLICT (${key}) DO NOTHING`,
    values: wholeRows(shape, rows),
    mustTouch: rows.length,
  };
}

/** Rows of which the same columns are known: a new one gets the table's defaults in the others, one that is there keeps them. */
export function partialStatement(shape: TableShape, rows: readonly Tuple[]): Statement {
  const known = knownColumns(rows[0]!);
  const columns = known.map((i) => shape.columns[i]!);
  const own = { ...shape, columns, keyIndexes: shape.keyIndexes.map((i) => known.indexOf(i)) };
  return { text: upsertFrom(own, selectRows(own)), values: transpose(rows, known) };
}

function selectRows({ columns }: TableShape): string {
  const select = columns.map((column, i) => `r.c${i}::${column.type}`).join(', ');
  return `SELECT ${select} FROM ${unnest(columns.length)} r(${aliases(columns.length)})`;
}

function wholeRows({ columns }: TableShape, rows: readonly Tuple[]): (string | null)[][] {
  return transpose(
    rows,
    columns.map((_, i) => i),
  );
}

/** Many rows: COPY into a staging table of the same column types, and one statement from there. */
export function stagingStatements(shape: TableShape, stage: string, columnNames: readonly string[]) {
  const names = columnNames.map(quoteIdentifier).join(', ');
  const own = { ...shape, columns: columnNames.map((name) => shape.table.columns.get(name)!) };
  return {
    create: `CREATE TEMP TABLE IF NOT EXISTS ${stage} AS SELECT ${names} FROM ${quoteName(shape.table)} WITH NO DATA`,
    clear: `TRUNCATE pg_temp.${stage}`,
    copy: `COPY pg_temp.${stage} (${names}) FROM STDIN`,
    upsert: upsertFrom(own, `SELECT ${names} FROM pg_temp.${stage}`),
  };
}

/**
 * Deletes as many rows as stand in a staging table, each once for a row of the same text there: types without an
 * operator for equality have a text, too. One pass over the table, however many they are.
 */
export function deleteStagedStatement(shape: TableShape, stage: string): string {
  const rowOf = (alias: string) =>
    `ROW(${shape.columns.map((column) => `${alias}.${quoteIdentifier(column.name)}`).join(', ')})::text COLLATE "C"`;
  return `WITH gone AS (SELECT ${rowOf('s')} AS line, count(*) AS n FROM pg_temp.${stage} s GROUP BY 1),
    found AS (SELECT t.tableoid, t.ctid, g.n, row_number() OVER (PARTITION BY g.line) AS nth
                FROM gone g JOIN ${quoteName(shape.table)} t ON ${rowOf('t')} = g.line)
    DELETE FROM ${quoteName(shape.table)} t USING found f
     WHERE t.tableoid = f.tableoid AND t.ctid = f.ctid AND f.nth <= f.n`;
}

/** These columns are all that a new row must have. */
export function canInsert({ table }: TableShape, columnNames: readonly string[]): boolean {
  return table.required?.every((name) => columnNames.includes(name)) ?? true;
}

/** Rows straight into the table: for a snapshot's rows that nothing is in the way of. */
export function copyStatement(shape: TableShape, columnNames: readonly string[]): string {
  return `COPY ${quoteName(shape.table)} (${columnNames.map(quoteIdentifier).join(', ')}) FROM STDIN`;
}

/** Whole rows as COPY text, in tuple order. */
export function copyText(rows: readonly Tuple[]): Buffer {
  let text = '';
  for (const row of rows) text += copyLine(row as readonly (string | null)[]);
  return Buffer.from(text, 'utf8');
}

/** Rows of which the same columns are known; the target keeps the others. */
export function updateStatement(shape: TableShape, rows: readonly Tuple[]): Statement {
  const known = knownColumns(rows[0]!);
  const set = assignments(shape, known, (i) => `r.c${known.indexOf(i)}::${shape.columns[i]!.type}`);
  const where = shape.keyIndexes.map((index) => {
    const column = shape.columns[index]!;
    return matches(column, `r.c${known.indexOf(index)}::${column.type}`, 't.');
  });
  const from = `${unnest(known.length)} r(${aliases(known.length)})`;
  return {
    // A row that has only its key and unchanged values still proves that it is there.
    text:
      set.length > 0
        ? `UPDATE ${rowsOf(shape)} t SET ${set.join(', ')} FROM ${from} WHERE ${where.join(' AND ')}`
        : `SELECT 1 FROM ${rowsOf(shape)} t JOIN ${from} ON ${where.join(' AND ')}`,
    values: transpose(rows, known),
    mustTouch: rows.length,
  };
}

/** One row whose key changes while the target has more of it than is known here. */
export function moveStatement({ shape, from, to, isWhole }: Move): Statement {
  const known = knownColumns(to);
  const must = isWhole ? {} : { mustTouch: 1 };
  if (known.some((i) => shape.columns[i]!.isIdentityAlways)) {
    return { ...rewriteStatement(shape, { set: known, rows: [to], keys: [from] }), ...must };
  }
  const set = known.map(
    (index, i) => `${quoteIdentifier(shape.columns[index]!.name)} = ${only(shape.columns[index]!, i)}`,
  );
  const where = shape.keyIndexes.map((index, i) =>
    matches(shape.columns[index]!, only(shape.columns[index]!, known.length + i)),
  );
  return {
    text: `UPDATE ${rowsOf(shape)} SET ${set.join(', ')} WHERE ${where.join(' AND ')}`,
    values: [
      ...known.map((index) => [to[index] as string | null]),
      ...shape.keyIndexes.map((index) => [from[index] as string | null]),
    ],
    ...must,
  };
}

/**
 * What must follow on updates and upserts of a table that has a GENERATED ALWAYS AS IDENTITY column outside of its key:
 * the source changes such a column with SET column = DEFAULT.
 * @returns undefined for a table without one, and where nothing was written.
 */
export function renumberStatement(shape: TableShape, written: () => readonly Tuple[]): Statement | undefined {
  const set = shape.columns.flatMap((column, i) =>
    column.isIdentityAlways && !shape.key.includes(column.name) ? [i] : [],
  );
  if (set.length === 0) return undefined;
  // Parts of rows need not have them.
  const rows = written().filter((row) => set.every((i) => row[i] !== false));
  if (rows.length === 0) return undefined;
  const differs = set.map(
    (i, place) => `t.${quoteIdentifier(shape.columns[i]!.name)} <> r.c${place}::${shape.columns[i]!.type}`,
  );
  return rewriteStatement(shape, { set, rows, keys: rows, where: `(${differs.join(' OR ')})` });
}

/**
 * Deletes rows and inserts them again with some of their columns set: the one way to change an identity column that is
 * GENERATED ALWAYS.
 * @param options.keys the rows' keys before.
 */
function rewriteStatement(
  shape: TableShape,
  options: { set: readonly number[]; rows: readonly Tuple[]; keys: readonly Tuple[]; where?: string },
): Statement {
  const { set, rows, keys, where } = options;
  const column = (i: number) => shape.columns[i]!;
  const key = shape.keyIndexes.map((i, place) =>
    matches(column(i), `r.c${set.length + place}::${column(i).type}`, 't.'),
  );
  const given = set.map((i) => column(i).name);
  const kept = [...shape.table.columns.keys()].filter((name) => !given.includes(name)).map(quoteIdentifier);
  const values = [...set.map((i, place) => `r.c${place}::${column(i).type}`), ...kept.map((name) => `t.${name}`)];
  const parameters = set.length + shape.keyIndexes.length;
  return {
    text: `WITH gone AS (DELETE FROM ${rowsOf(shape)} t USING ${unnest(parameters)} r(${aliases(parameters)})
      WHERE ${[...key, ...(where ? [where] : [])].join(' AND ')}
      RETURNING ${values.map((value, i) => `${value} AS v${i}`).join(', ')})
      INSERT INTO ${quoteName(shape.table)} (${[...given.map(quoteIdentifier), ...kept].join(', ')})
      OVERRIDING SYSTEM VALUE SELECT * FROM gone`,
    values: [...transpose(rows, set), ...transpose(keys, shape.keyIndexes)],
  };
}

export function truncateStatement(shapes: readonly OfTable[], restartIdentity: boolean): string {
  const tables = shapes.map((shape) => rowsOf(shape)).join(', ');
  return `TRUNCATE ${tables}${restartIdentity ? ' RESTART IDENTITY' : ''}`;
}

/** What TRUNCATE does, where it refuses because of a foreign key. */
export function emptyStatement(shapes: readonly OfTable[], restartIdentity: boolean): string {
  const statements = shapes.map((shape) => `DELETE FROM ${rowsOf(shape)}`);
  const tables = shapes.map((shape) => `${quoteLiteral(quoteName(shape.table))}::regclass`).join(', ');
  const restart = `SELECT pg_catalog.setval(s.seqrelid::regclass, s.seqstart, false)
    FROM pg_catalog.pg_sequence s
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid AND d.deptype IN ('a', 'i')
   WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.refobjid IN (${tables})`;
  return [...statements, ...(restartIdentity ? [restart] : [])].join(';\n');
}

type OfTable = Pick<TableShape, 'table'>;

/** The table's own rows. */
export const rowsOf = ({ table }: OfTable) => `${table.hasInheritingTables ? 'ONLY ' : ''}${quoteName(table)}`;

/** @param rows a SELECT of them, in the shape's order. */
function upsertFrom(shape: TableShape, rows: string): string {
  const given = shape.columns.map(({ name }) => name);
  return canInsert(shape, given) ? `${insertInto(shape)} ${rows} ${onConflict(shape)}` : mergeFrom(shape, rows);
}

/**
 * INSERT refuses a row that lacks a NOT NULL column, before ON CONFLICT could tell that it is there and only changes.
 * Nobody else writes, so that MERGE need not be safe against that.
 */
function mergeFrom(shape: TableShape, rows: string): string {
  const { columns } = shape;
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const from = (name: string) => `r.${quoteIdentifier(name)}`;
  const on = shape.keyIndexes.map((i) => matches(columns[i]!, from(columns[i]!.name), 't.'));
  const all = columns.map((_, i) => i);
  const set = assignments(shape, all, (i) => from(columns[i]!.name));
  return `MERGE INTO ${rowsOf(shape)} t USING (${rows}) r(${names.join(', ')}) ON ${on.join(' AND ')}
    WHEN MATCHED THEN ${set.length > 0 ? `UPDATE SET ${set.join(', ')}` : 'DO NOTHING'}
    WHEN NOT MATCHED THEN INSERT (${names.join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${columns.map(({ name }) => from(name)).join(', ')})`;
}

function insertInto(shape: TableShape): string {
  const names = shape.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  return `INSERT INTO ${quoteName(shape.table)} (${names}) OVERRIDING SYSTEM VALUE`;
}

function onConflict(shape: TableShape): string {
  const key = shape.key.map(quoteIdentifier).join(', ');
  const set = assignments(
    shape,
    shape.columns.map((_, i) => i),
    (i) => `EXCLUDED.${quoteIdentifier(shape.columns[i]!.name)}`,
  );
  return `ON CONFLICT (${key}) DO ${set.length > 0 ? `UPDATE SET ${set.join(', ')}` : 'NOTHING'}`;
}

/** `column = value` for every column that is neither key nor GENERATED ALWAYS AS IDENTITY. */
function assignments(shape: TableShape, indexes: readonly number[], value: (index: number) => string): string[] {
  return indexes.flatMap((i) => {
    const column = shape.columns[i]!;
    const isFixed = shape.key.includes(column.name) || column.isIdentityAlways;
    return isFixed ? [] : [`${quoteIdentifier(column.name)} = ${value(i)}`];
  });
}

/** The rows of a table, `t`, by keys that stand in the columns c0, c1 ... of `k`. */
export function hasKey({ columns, keyIndexes }: TableShape): string {
  return keyIndexes.map((index, i) => matches(columns[index]!, `k.c${i}::${columns[index]!.type}`, 't.')).join(' AND ');
}

/** A key column's equality with a value of its type. */
function matches({ name, type, isDomain, equal }: TargetColumn, value: string, table = ''): string {
  return `${table}${quoteIdentifier(name)}${isDomain ? `::${type}` : ''} ${equal ?? '='} ${value}`;
}

export const unnest = (columns: number) =>
  `unnest(${Array.from({ length: columns }, (_, i) => `$${i + 1}::text[]`).join(', ')})`;
export const aliases = (columns: number) => Array.from({ length: columns }, (_, i) => `c${i}`).join(', ');
const only = (column: TargetColumn, parameter: number) => `($${parameter + 1}::text[])[1]::${column.type}`;

export function transpose(rows: readonly Tuple[], indexes: readonly number[]): (string | null)[][] {
  return indexes.map((index) => rows.map((row) => row[index] as string | null));
}
