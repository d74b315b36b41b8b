import { expect, test } from 'vitest';
import { parseLsn } from '../../core/lsn.js';
import type { Column } from '../../core/relation.js';
import { fitRows } from './fit-rows.js';
import { type PastChange, targetColumnNow } from './past-changes.js';

const column = (name: string): Column => ({ name, type: 25, typmod: -1, key: false });
const at = (lsn: string) => ({ lsn: parseLsn(lsn), index: 0 });
const table = (...names: string[]) => ({
  schema: 'growth',
  table: 't',
  keys: [['id']],
  columns: new Map(
    names.map((name) => [
      name,
      { name, type: 'text', isDomain: false, equal: null, isEqualAsText: true, isIdentityAlways: false },
    ]),
  ),
});
const rename = (lsn: string, from: string, to: string): PastChange => ({
  position: at(lsn),
  changes: [{ kind: 'rename-column', from: column(from), to: column(to) }],
});
const drop = (lsn: string, name: string): PastChange => ({
  position: at(lsn),
  changes: [{ kind: 'drop-column', column: column(name), isCertain: true }],
});

test('values of before a rename go to the new name, those behind it to the name they have', () => {
  const past = [rename('0/200', 'a', 'b'), rename('0/300', 'b', 'c')];
  expect(targetColumnNow('a', at('0/100'), past, table('c'))).toBe('c');
  expect(targetColumnNow('b', at('0/200'), past, table('c'))).toBe('c');
  expect(targetColumnNow('c', at('0/400'), past, table('c'))).toBe('c');
});

test('a target that kept its name gets them there', () => {
  const past = [rename('0/200', 'a', 'b')];
  expect(targetColumnNow('b', at('0/200'), past, table('a'))).toBe('a');
  expect(targetColumnNow('a', at('0/100'), past, table('a'))).toBe('a');
});

test('values of a column that was dropped later go nowhere, though one of its name came again', () => {
  const past = [drop('0/200', 'c')];
  expect(targetColumnNow('c', at('0/100'), past, table('id', 'c'))).toBeUndefined();
  expect(targetColumnNow('c', at('0/200'), past, table('id', 'c'))).toBe('c');
});

test("a snapshot's rows lose the fields that go nowhere", () => {
  const line = { rel: 1, ix: 0, op: 'r', rows: 2, bytes: 14, columns: ['id', 'gone', 'old'] } as const;
  const names = new Map<string, string | undefined>([
    ['id', 'id'],
    ['gone', undefined],
    ['old', 'new'],
  ]);
  const fitted = fitRows(names, line, Buffer.from('1\tx\ta\n2\t\\N\tb\\t\n'));
  expect([fitted.line.columns, fitted.line.bytes, fitted.text.toString()]).toEqual([
    ['id', 'new'],
    10,
    '1\ta\n2\tb\\t\n',
  ]);
});
