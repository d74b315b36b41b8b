import { quoteIdentifier } from '../platform/postgres.js';
import { COLUMNS, TYPES } from '../test/integration/semantics/every-type.js';
import type { Random } from '../test/support/random.js';

export { TYPES };

/** A column of the key: its type, and the n-th of its values. */
interface KeyKind {
  readonly type: string;
  readonly value: (n: number) => string;
}

const MOODS = [`'sad'`, `'so so'`, `'it''s "fine", \\ok'`, `'Happy'`];

const KEY_KINDS: readonly KeyKind[] = [
  { type: 'int', value: (n) => String(n - 20) },
  { type: 'bigint', value: (n) => `(9007199254740993 + ${n})` },
  { type: 'text', value: (n) => `E'k\\t${n} "é''\\\\'` },
  { type: 'text COLLATE "C"', value: (n) => `'${n}'` },
  { type: 'uuid', value: (n) => `pg_catalog.md5('${n}')::uuid` },
  { type: 'numeric', value: (n) => `(${n} / 7.0)` },
  { type: 'timestamptz', value: (n) => `('2026-03-29 00:59:59.999999+00'::timestamptz + ${n} * interval '1 us')` },
  { type: 'public."Mood"', value: (n) => MOODS[n % MOODS.length]! },
  { type: 'bytea', value: (n) => `pg_catalog.decode(pg_catalog.md5('${n}'), 'hex')` },
  { type: 'date', value: (n) => `('0044-03-15 BC'::date + ${n})` },
];

export interface RandomColumn {
  readonly name: string;
  readonly type: string;
  readonly values: readonly string[];
}

export interface RandomTable {
  readonly name: string;
  /** In the order of the key's index. */
  readonly key: readonly (KeyKind & { readonly name: string })[];
  readonly columns: readonly RandomColumn[];
  readonly isPartitioned: boolean;
  readonly sql: string;
  /** Inserts a row for every other key. */
  readonly firstRows: string;
}

/** Keys of a table are the numbers 1 to this. */
export const KEYS = 60;

/** Which of the tables. */
const PARTITIONED = 1;

const NAMES = ['orders', 'select', 'Mixed Case', 'a.b', 'with "quotes"', 'ünïcödé'];

/** The n-th table: a key of one to three columns, five to fifteen others, some replica identity; one is partitioned. */
export function randomTable(n: number, random: Random): RandomTable {
  const name = `${NAMES[n % NAMES.length]!}${n < NAMES.length ? '' : n}`;
  const kinds = Array.from({ length: random.int(1, 3) }, () => random.pick(KEY_KINDS));
  // One of few values alone would be no key for sixty rows.
  if (kinds.every(({ type }) => type === 'public."Mood"')) kinds[0] = KEY_KINDS[0]!;
  const key = kinds.map((kind, i) => ({ ...kind, name: `Key ${i}` }));
  const types = Object.entries(COLUMNS);
  const columns: RandomColumn[] = Array.from({ length: random.int(5, 15) }, (_, i) => {
    const [label, { type, values }] = random.pick(types);
    return { name: `${label} ${i}`, type, values };
  });
  columns.push({ name: 'big', type: 'text', values: ['1', '2', '3'].map((d) => `pg_catalog.repeat('${d}', 9000)`) });
  columns.push({ name: 'n', type: 'int', values: ['1', '2', '3', '4'] });
  const table = { name, key, columns };
  const rows = Array.from({ length: KEYS / 2 }, (_, i) => insertSql(table, random, 2 * (i + 1)));
  return {
    ...table,
    isPartitioned: n === PARTITIONED,
    sql: n === PARTITIONED ? partitionedSql(name, key, columns, random) : tableSql(name, key, columns, random),
    firstRows: `${rows.join(' ON CONFLICT DO NOTHING; ')} ON CONFLICT DO NOTHING`,
  };
}

/** Inserts a row with the n-th key and random values. */
export function insertSql(table: Pick<RandomTable, 'name' | 'key' | 'columns'>, random: Random, n: number): string {
  const columns = [...table.key.map(({ name }) => name), ...table.columns.map(({ name }) => name)];
  const values = [
    ...table.key.map(({ value }) => value(n)),
    ...table.columns.map(({ type, values: choices }) => `(${randomValue(choices, random)})::${type}`),
  ];
  return `INSERT INTO public.${quoteIdentifier(table.name)} (${columns.map(quoteIdentifier).join(', ')}) VALUES (${values.join(', ')})`;
}

export function randomValue(values: readonly string[], random: Random): string {
  return random.next() < 0.1 ? 'NULL' : random.pick(values);
}

function tableSql(name: string, key: RandomTable['key'], columns: readonly RandomColumn[], random: Random): string {
  const table = `public.${quoteIdentifier(name)}`;
  const keyList = listed(key);
  const identity = random.pick(['', '', `ALTER TABLE ${table} REPLICA IDENTITY FULL`, 'index']);
  return [
    `CREATE TABLE ${table} (${defined(key, columns)},
       best text UNIQUE, PRIMARY KEY (${keyList}))`,
    `ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL`,
    ...(identity === 'index'
      ? [
          `CREATE UNIQUE INDEX ${quoteIdentifier(`${name} identity`)} ON ${table} (${keyList})`,
          `ALTER TABLE ${table} REPLICA IDENTITY USING INDEX ${quoteIdentifier(`${name} identity`)}`,
        ]
      : [identity].filter(Boolean)),
  ].join(';\n');
}

function partitionedSql(
  name: string,
  key: RandomTable['key'],
  columns: readonly RandomColumn[],
  random: Random,
): string {
  const table = `public.${quoteIdentifier(name)}`;
  const isFull = random.next() < 0.5;
  const leaves = Array.from({ length: 3 }, (_, i) => `public.${quoteIdentifier(`${name} ${i}`)}`);
  return [
    `CREATE TABLE ${table} (${defined(key, columns)}, PRIMARY KEY (${listed(key)})) PARTITION BY HASH (${listed(key)})`,
    ...leaves.flatMap((leaf, i) => [
      `CREATE TABLE ${leaf} PARTITION OF ${table} FOR VALUES WITH (MODULUS 3, REMAINDER ${i})`,
      `ALTER TABLE ${leaf} ALTER big SET STORAGE EXTERNAL`,
      ...(isFull ? [`ALTER TABLE ${leaf} REPLICA IDENTITY FULL`] : []),
    ]),
  ].join(';\n');
}

const listed = (key: RandomTable['key']) => key.map((column) => quoteIdentifier(column.name)).join(', ');

/** In the table the key's columns stand in the opposite order of its index, among the others. */
function defined(key: RandomTable['key'], columns: readonly RandomColumn[]): string {
  const all = [...columns.slice(0, 2), ...[...key].reverse(), ...columns.slice(2)];
  return all.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(', ');
}
