import { expect, test } from 'vitest';
import { tablesOf } from '../../test/support/table-lines.js';
import { type MergeMapping, mergeMapping } from './merge-mapping.js';
import { proposeMerges } from './merges.js';
import { likePairs, nearDuplicates, type ValueSamples } from './near-duplicates.js';
import type { TableFacts } from './table-facts.js';

const namespaceOf = (name: string) => `namespace of ${name}`;

/** What is read of tables beside their lines, by table. */
type More = Readonly<Record<string, Partial<TableFacts>>>;

function proposed(lines: string, more: More = {}, samples: ValueSamples = new Map()) {
  const { tables, references } = tablesOf(lines);
  const facts = tables.map((table) => ({ ...table, ...more[table.name] }));
  const pairs = nearDuplicates(likePairs(facts, references), samples);
  const merges = proposeMerges(pairs, { all: facts, references, samples, namespaceOf });
  expect(merges).toHaveLength(1);
  return merges[0]!;
}

/** As --json prints them. */
const entries = ({ tables }: MergeMapping): object[] => JSON.parse(JSON.stringify(tables));

const CODES = `
public.coupon_codes: id integer, code text, percent_off integer, ends_on date, note text
public.coupon_codes_old: id bigint, coupon_code character varying(40), percent_off smallint, ends_on date, status text`;

const OLD_STATUS: Partial<TableFacts> = {
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'coupon_code', type: 'character varying(40)' },
    { name: 'percent_off', type: 'smallint' },
    { name: 'ends_on', type: 'date' },
    { name: 'status', type: 'text', default: "'open'::text" },
  ],
};

test('keys that are counted are made, names and types become one, a default stands where a table has no column', () => {
  const uniques = {
    'public.coupon_codes': { uniques: [['code']] },
    'public.coupon_codes_old': { ...OLD_STATUS, uniques: [['coupon_code'], ['ends_on']] },
  };
  const uses = '\npublic.coupon_uses: id bigint, coupon_id integer > public.coupon_codes, used_at date';
  const { mapping, obstacles } = proposed(CODES + uses, uniques);
  expect(obstacles).toEqual([]);
  expect(mapping!.unique).toEqual(['code']);
  expect(entries(mapping!)).toEqual([
    {
      table: 'public.coupon_codes',
      rename: {},
      drop: [],
      columns: {
        id: { uuid: ['id'], namespace: 'namespace of public.coupon_codes' },
        status: { constant: 'open' },
        origin: { constant: 'coupon_codes' },
      },
    },
    {
      table: 'public.coupon_codes_old',
      rename: {},
      drop: ['coupon_code'],
      columns: {
        id: { uuid: ['id'], namespace: 'namespace of public.coupon_codes_old' },
        code: { from: 'coupon_code', cast: 'text' },
        percent_off: { from: 'percent_off', cast: 'integer' },
        origin: { constant: 'coupon_codes_old' },
      },
    },
  ]);
  expect(mapping!.references).toEqual([
    { table: 'public.coupon_uses', column: 'coupon_id', to: 'public.coupon_codes', key: 'id' },
  ]);
  expect(mapping!.remarks.join('\n')).toContain('percent_off: integer and smallint become integer.');
});

const KEYS = `
public.api_keys: id uuid, name text, key_hash text, note text
public.api_keys_old: id uuid, name text, key_hash text, note text`;
const HASHED = { 'public.api_keys': { uniques: [['key_hash']] }, 'public.api_keys_old': { uniques: [['key_hash']] } };

test('a UUID that two tables have is one row: then the keys say what is one', () => {
  const ids = (...values: string[]) => new Map([['id', new Set(values)]]);
  const apart = new Map([
    ['public.api_keys', ids('1', '2')],
    ['public.api_keys_old', ids('3')],
  ]);
  const shared = new Map([...apart, ['public.api_keys_old', ids('2', '3')] as const]);
  expect(proposed(KEYS, HASHED, apart).mapping!.unique).toEqual(['key_hash']);
  expect(proposed(KEYS, HASHED, shared).mapping!.unique).toEqual(['id']);
  expect(proposed(KEYS, {}, apart).mapping!.unique).toEqual(['id']);
});

test('what is unique in one of the tables alone makes no two rows one', () => {
  const { mapping } = proposed(CODES, { 'public.coupon_codes': { uniques: [['code']] } });
  expect(mapping!.unique).toEqual([]);
  expect(mapping!.remarks[0]).toContain('all of them stand');
});

test('under REPLICA IDENTITY FULL the key is said; a generated column does not move', () => {
  const columns = ['id uuid', 'name text', 'key_hash text', 'note text'].map((text) => {
    const [name, type] = text.split(' ') as [string, string];
    return { name, type, ...(name === 'note' ? { isGenerated: true } : {}) };
  });
  const { mapping } = proposed(KEYS, { 'public.api_keys_old': { isFull: true, columns } });
  const [ours, old] = entries(mapping!);
  expect(ours).toMatchObject({ columns: { origin: { constant: 'api_keys' } } });
  expect(ours).not.toHaveProperty('key');
  expect(old).toMatchObject({ key: ['id'], rename: {}, drop: [] });
});

test.each<[string, string, More]>([
  ['has no key', KEYS, { 'public.api_keys': { key: [] } }],
  ['by another index than by its primary key', KEYS, { 'public.api_keys': { hasOtherIdentity: true } }],
  ['is a text', KEYS.replace('public.api_keys_old: id uuid', 'public.api_keys_old: id text'), {}],
])('a merge that cannot be written says why: %s', (why, lines, more) => {
  const { mapping, obstacles } = proposed(lines, more);
  expect(mapping).toBeUndefined();
  expect(obstacles.join('\n')).toContain(why);
});

test('what refers to a made key and cannot be made likewise stands against it', () => {
  const why = (line: string, more: More = {}) => proposed(`${CODES}\n${line}`, more).obstacles.join('\n');
  const uses = 'public.coupon_uses: id bigint, coupon_id integer > public.coupon_codes, used_at date';
  expect(why(uses)).toBe('');
  expect(why(uses, { 'public.coupon_uses': { key: [] } })).toContain('has no key');
  expect(why(uses, { 'public.coupon_uses': { key: ['coupon_id'] } })).toContain('in its own key');
});

test('a merged table that refers to a made key stands against it, too', () => {
  const { tables, references } = tablesOf(CODES);
  const scene = { tables, columns: [], references, all: tables, samples: new Map(), namespaceOf };
  const from = { from: 'public.x', to: 'public.coupon_codes', columns: ['a'] };
  const made = (reference: typeof from) =>
    mergeMapping({ ...scene, references: [reference], merged: new Set(['public.x']) });
  expect(made(from)).toMatchObject({ obstacles: [expect.stringContaining('is merged itself')] });
});
