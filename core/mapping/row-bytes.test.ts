import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapChange, mapRows } from '../../test/support/mapped-change.js';
import { anyText } from '../../test/support/texts.js';
import { copyLine, parseCopyField } from '../copy-text.js';
import type { TableMapping } from '../mapping.js';
import type { RowsLine } from '../record.js';
import type { Relation } from '../relation.js';
import type { ColumnRule, Step } from './column-rule.js';
import { RowMapper } from './row-mapper.js';

/** Rules over bytes make what the same rules make of text. */

const kit = { sha1: (bytes: Uint8Array) => createHash('sha1').update(bytes).digest(), functions: new Map() };
const COLUMNS = ['id', 'a', 'b', 'c'];
const RELATION: Relation = {
  id: 7,
  schema: 'public',
  table: 't',
  identity: 'f',
  columns: COLUMNS.map((name) => ({ name, type: 25, typmod: -1, key: name === 'id' })),
};
const PLACE = { file: 'mapping/x.yaml', line: 1, column: 1 };

/** Few, so that what steps look for is found; plain ones and others. */
const WORDS = [
  '',
  ' ',
  'a',
  'A',
  'ab',
  'aa',
  'aab',
  ' aZ ',
  'z',
  '@[`{',
  'a b',
  'http:',
  'ä',
  '"',
  '\\',
  'é\t',
  '{"a": "b"}',
];
const word = fc.constantFrom(...WORDS);
const some = word.filter((one) => one !== '');
const value = fc.option(
  fc.oneof(
    word,
    fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
    anyText.filter((text) => !text.includes('\0')),
  ),
  { freq: 5 },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>({ trim: true }, { lower: true }, { upper: true }, { split: ' ' }),
  word.map((nullif) => ({ nullif })),
  word.map((text) => ({ default: text })),
  some.map((prefix) => ({ prefix })),
  some.map((suffix) => ({ suffix })),
  fc.dictionary(some, word, { minKeys: 1, maxKeys: 3 }).map((replace) => ({ replace })),
  fc
    .tuple(fc.dictionary(word, fc.option(word), { maxKeys: 20 }), fc.option(fc.option(word), { nil: undefined }))
    .map(([map, otherwise]) => ({ map, else: otherwise })),
);
const column = fc.constantFrom(...COLUMNS);
const columns = fc.array(column, { minLength: 1, maxLength: 3 });
const source: fc.Arbitrary<ColumnRule> = fc.oneof(
  column.map((from) => ({ from })),
  fc.option(word).map((constant) => ({ constant })),
  fc.tuple(columns, fc.option(word, { nil: undefined })).map(([concat, separator]) => ({ concat, separator })),
  columns.map((coalesce) => ({ coalesce })),
  columns.map((names) => ({ object: Object.fromEntries(names.map((name) => [name, name])) })),
  columns.map((uuid) => ({ uuid, namespace: '6ba7b810-9dad-11d1-80b4-00c04fd430c8' })),
  fc
    .array(
      fc.oneof(
        column.map((name) => `{${name}}`),
        fc.constantFrom('x', ' ', '"', 'ä', '{{'),
      ),
      { minLength: 1 },
    )
    .map((parts) => ({ template: parts.join('') })),
);
const rule = fc.tuple(source, fc.array(step, { maxLength: 4 })).map(([of, steps]): ColumnRule => ({ ...of, steps }));
const row = fc.tuple(fc.nat().map(String), value, value, value);

function mapper(rules: readonly ColumnRule[], drop: readonly string[]): RowMapper {
  const names = rules.map((_, i) => `r${i}`);
  const mapping: TableMapping = {
    source: { schema: 'public', table: 't' },
    target: { schema: 'growth', table: 't' },
    rename: new Map(),
    rules: {
      pick: undefined,
      drop,
      columns: new Map(rules.map((one, i) => [names[i]!, one])),
      places: new Map(names.map((name, i) => [name, { ...PLACE, line: i }])),
    },
    place: PLACE,
    columnPlaces: new Map(),
  };
  return new RowMapper(RELATION, mapping, kit);
}

/** What comes out, or what is said against it. */
function outcome<T>(make: () => T): T | string {
  try {
    return make();
  } catch (error) {
    return (error as Error).message;
  }
}

const dropped = fc.subarray(['a', 'b', 'c']);

test('of a change', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), dropped, row, (rules, drop, now) => {
      const mapped = mapper(rules, drop);
      expect(outcome(() => mapChange(mapped, { rel: 7, ix: 0, op: 'c', new: now })!.new)).toEqual(
        outcome(() => mapped.whole(now)),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('of a change whose old row says what has not changed', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), row, row, fc.subarray([1, 2, 3]), (rules, old, now, unchanged) => {
      const mapped = mapper(rules, []);
      const sent = now.map((one, i) => (unchanged.includes(i) ? false : one));
      const meant = now.map((one, i) => (unchanged.includes(i) ? old[i]! : one));
      const made = outcome(() => {
        const change = mapChange(mapped, { rel: 7, ix: 0, op: 'u', old, new: sent })!;
        return [change.old, change.new];
      });
      expect(made).toEqual(outcome(() => [mapped.whole(old), mapped.whole(meant)]));
    }),
    { numRuns: 300 },
  );
});

test("of a snapshot's rows", () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 5 }), dropped, fc.array(row, { maxLength: 3 }), (rules, drop, rows) => {
      const mapped = mapper(rules, drop);
      const text = Buffer.from(rows.map(copyLine).join(''));
      const line: RowsLine = { rel: 7, ix: 0, op: 'r', rows: rows.length, bytes: text.length, columns: COLUMNS };
      const made = outcome(() => {
        const { text: copied, line: said } = mapRows(mapped, line, text);
        expect(said).toEqual({ ...line, bytes: copied.length, columns: mapped.columns.map(({ name }) => name) });
        const lines = copied.toString().split('\n').slice(0, -1);
        return lines.map((one) => one.split('\t').map(parseCopyField));
      });
      expect(made).toEqual(outcome(() => rows.map((one) => mapped.whole(one))));
    }),
    { numRuns: 1_000 },
  );
});
