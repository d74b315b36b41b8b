import { expect, test } from 'vitest';
import { RecordScanner } from './record-scanner.js';
import { RowSpans } from './row-spans.js';

function read(line: string): RowSpans {
  const record = Buffer.from(`{}\n${line}\n`);
  const scanner = new RecordScanner(record);
  scanner.next();
  const spans = new RowSpans(2);
  spans.read(record, scanner);
  return spans;
}

const valuesOf = ({ key, old, new: now }: RowSpans) =>
  [key, old, now].map((tuple) => tuple && [tuple.value(0), tuple.value(1)]);

test.each([
  ['c', '"new":["1","a"]', [undefined, undefined, ['1', 'a']]],
  ['u', '"key":["1",null],"new":["2",false]', [['1', null], undefined, ['2', false]]],
  ['u', '"everywhere":true,"old":["1","x"],"new":["2","]}"]', [undefined, ['1', 'x'], ['2', ']}']]],
  ['d', '"old":["1","\\""]', [undefined, ['1', '"'], undefined]],
] as const)('%s with %s', (op, members, values) => {
  const spans = read(`{"rel":7,"ix":12,"op":"${op}",${members}}`);
  expect(valuesOf(spans)).toEqual(values);
  expect([spans.op, spans.isEverywhere]).toEqual([op, members.includes('everywhere')]);
});

test('nothing stays of the line before', () => {
  const lines = ['"everywhere":true,"key":["1",null],"new":["2","b"]', '"old":["3","c"]'];
  const record = Buffer.from(`{}\n${lines.map((members) => `{"rel":7,"ix":0,"op":"u",${members}}\n`).join('')}`);
  const scanner = new RecordScanner(record);
  const spans = new RowSpans(2);
  while (scanner.next()) spans.read(record, scanner);
  expect(valuesOf(spans)).toEqual([undefined, ['3', 'c'], undefined]);
  expect(spans.isEverywhere).toBe(false);
});

test.each(['"new":["1"]', '"new":["1","2","3"]', '"new":["1","2"],"of":1', '"new":["1","2"] ', '"new":["1","2"'])(
  '%s is refused',
  (members) => {
    expect(() => read(`{"rel":7,"ix":0,"op":"c",${members}}`)).toThrow(
      expect.objectContaining({ code: 'log-corrupt' }),
    );
  },
);
