import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText } from '../test/support/texts.js';
import { copyLine } from './copy-text.js';
import type { Value } from './record.js';
import { CopyTuple, isPlainText, JsonTuple } from './tuple-spans.js';

const COLUMNS = 3;
/** Longer than what is looked at byte by byte, with an escape anywhere in it. */
const longText = fc
  .tuple(fc.nat(200), fc.constantFrom('"', '\\', '\\"', 'ü', '\n'), fc.nat(200))
  .map(([before, middle, behind]) => 'a'.repeat(before) + middle + 'b'.repeat(behind));
const text = fc.oneof(
  anyText.filter((one) => !one.includes('\0')),
  longText,
);
const row = fc.array(fc.option(text), { minLength: COLUMNS, maxLength: COLUMNS });

const valuesOf = (tuple: JsonTuple | CopyTuple) => Array.from({ length: COLUMNS }, (_, i) => tuple.value(i));

describe('the tuple of a line', () => {
  const read = (bytes: Buffer, at = 0) => {
    const tuple = new JsonTuple(COLUMNS);
    return { tuple, end: tuple.read(bytes, at) };
  };

  test('has the values that JSON has, and spans that are its bytes', () => {
    const values = fc.array(fc.oneof(text, fc.constantFrom<Value>(null, false)), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(values, values, (before, now) => {
        const first = Buffer.byteLength(JSON.stringify(before));
        const bytes = Buffer.from(`${JSON.stringify(before)}${JSON.stringify(now)}`);
        const { tuple, end } = read(bytes, first);
        expect(end).toBe(bytes.length);
        expect(valuesOf(tuple)).toEqual(now);
        const spans = now.map((_, i) => bytes.toString('utf8', tuple.starts[i], tuple.ends[i]));
        expect(spans).toEqual(now.map((value) => JSON.stringify(value)));
      }),
    );
  });

  test('takes from the old row what has not changed', () => {
    const bytes = Buffer.from('["1","x",null]["2",false,false]');
    const [old, now] = [new JsonTuple(COLUMNS), new JsonTuple(COLUMNS)];
    now.read(bytes, old.read(bytes, 0));
    expect(now.isInOrder).toBe(true);
    now.fillFrom(old);
    expect(valuesOf(now)).toEqual(['2', 'x', null]);
    expect(now.isInOrder).toBe(false);
  });

  test.each(['["1","2"]', '["1","2","3","4"]', '["1","2","3"', '["1","2","3', '["1","2",3]', '["1", "2","3"]', ''])(
    '%s is refused',
    (line) => {
      expect(() => read(Buffer.from(line))).toThrow(expect.objectContaining({ code: 'log-corrupt' }));
    },
  );
});

describe('rows of COPY text', () => {
  test('have the values that were copied, in whichever order', () => {
    const order = fc.shuffledSubarray([0, 1, 2], { minLength: COLUMNS, maxLength: COLUMNS });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), order, (rows, fields) => {
        const bytes = Buffer.from(rows.map((one) => copyLine(fields.map((column) => one[column]!))).join(''));
        const tuple = new CopyTuple(COLUMNS);
        tuple.begin(bytes, fields);
        let at = 0;
        for (const one of rows) {
          at = tuple.read(at);
          expect(valuesOf(tuple)).toEqual(one);
        }
        expect(at).toBe(bytes.length);
      }),
    );
  });

  test('columns without a field are null, and a field without a column is passed over', () => {
    const tuple = new CopyTuple(COLUMNS);
    tuple.begin(Buffer.from('x\ty\n'), [2, -1]);
    expect(tuple.read(0)).toBe(4);
    expect(valuesOf(tuple)).toEqual([null, null, 'x']);
  });

  test('that are cut short are refused', () => {
    const tuple = new CopyTuple(COLUMNS);
    tuple.begin(Buffer.from('x\ty\tz'), [0, 1, 2]);
    expect(() => tuple.read(0)).toThrow(expect.objectContaining({ code: 'log-corrupt' }));
  });
});

test('plain is what JSON and COPY text write as it is', () => {
  fc.assert(
    fc.property(text, (one) => {
      const isSame = JSON.stringify(one) === `"${one}"` && copyLine([one]) === `${one}\n`;
      const isAscii = Buffer.byteLength(one) === one.length && !one.includes('\u007f');
      expect(isPlainText(one)).toBe(isSame && isAscii);
    }),
  );
});
