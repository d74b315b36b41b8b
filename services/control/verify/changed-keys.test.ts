import { expect, test } from 'vitest';
import { RecordBuilder, relationOf } from '../../../test/support/record-builder.js';
import { ChangedKeys } from './changed-keys.js';

const users = relationOf(1, 'public.users', ['id', 'name', 'note']);
const lines = relationOf(2, 'public.lines', ['note', 'n', 'order'], { key: ['n', 'order'] });
const events = relationOf(3, 'public.events', ['at', 'what'], { identity: 'f' });
const other = relationOf(4, 'public.other', ['id']);

const COLUMNS = new Map([
  ['public.users', ['id']],
  ['public.lines', ['order', 'n']],
  ['public.events', []],
]);

function changedIn(build: (records: RecordBuilder) => void, maxKeys?: number): ChangedKeys {
  const builder = new RecordBuilder().begin('0/100');
  for (const relation of [users, lines, events, other]) builder.relation(relation);
  build(builder);
  const changed = new ChangedKeys(COLUMNS, maxKeys);
  for (const record of builder.commit().take()) changed.take(record);
  return changed;
}

test('each row that changed is due once, under its old key and its new one', () => {
  const changed = changedIn((records) =>
    records
      .row(1, 'c', { new: ['1', 'a', null] })
      .row(1, 'u', { new: ['1', 'b', false] })
      .row(1, 'u', { key: ['2', null, null], new: ['3', 'c', false] })
      .row(1, 'd', { key: ['4', null, null] })
      .row(4, 'c', { new: ['1'] }),
  );
  expect(changed.due('public.users')).toEqual([['1'], ['2'], ['3'], ['4']]);
  expect(changed.due('public.users')).toBeUndefined();
  expect(changed.due('public.other')).toBeUndefined();
});

test('keys have the order in which rows are compared', () => {
  const changed = changedIn((records) => records.row(2, 'c', { new: ['x', '7', 'A'] }));
  expect(changed.due('public.lines')).toEqual([['A', '7']]);
});

test('rows of a snapshot are due, whatever their text', () => {
  const changed = changedIn((records) => records.rows(users, '1\ta\\tb\t\\N\nA\\\\B\tx\ty\n'));
  expect(changed.due('public.users')).toEqual([['1'], ['A\\B']]);
});

test('all of a table is due when it was truncated, a change does not tell its key, or too many rows changed', () => {
  expect(changedIn((records) => records.truncate([1])).due('public.users')).toBe('all');
  expect(changedIn((records) => records.row(3, 'c', { new: ['1', 'x'] })).due('public.events')).toBe('all');
  const unknown = changedIn((records) => records.row(2, 'd', { key: [null, '7', null] }));
  expect(unknown.due('public.lines')).toBe('all');
  const many = (rows: number) =>
    changedIn((records) => {
      for (let i = 0; i < rows; i++) records.row(1, 'c', { new: [String(i), 'a', 'b'] });
    }, 10).due('public.users');
  expect(many(10)).toHaveLength(10);
  expect(many(11)).toBe('all');
});
