import { expect, test } from 'vitest';
import { parseLsn } from '../../../core/lsn.js';
import { NOT_STARTED } from '../recover-tables.js';
import { WholeCopy } from './whole-copy.js';

const at = (xid: number, lsn = '0/100') => ({ xid, commitLsn: parseLsn(lsn) });
const SEEN = { snapshot: '90:100:95,97', until: '0/200' };

test('what comes before the copy is in it', () => {
  expect(new WholeCopy(NOT_STARTED).covers(at(5000))).toBe(true);
  expect(new WholeCopy({ ...NOT_STARTED, rows: 7 }).covers(at(5000))).toBe(true);
});

test.each([
  ['finished before it', 94, '0/100', true],
  ['running then', 95, '0/100', false],
  ['not begun then', 100, '0/100', false],
  ['of a number that comes again after four billion others', 94, '0/200', false],
] as const)('a transaction that was %s', (_, xid, lsn, covered) => {
  const copy = new WholeCopy(NOT_STARTED);
  copy.copied(SEEN);
  expect(copy.covers(at(xid, lsn))).toBe(covered);
});

test('a restart knows what the copy had seen', () => {
  const copy = new WholeCopy({ ...NOT_STARTED, done: true, seen: SEEN });
  expect([copy.covers(at(94)), copy.covers(at(95))]).toEqual([true, false]);
});

test('the stream stops for nobody but who expects it', () => {
  const copy = new WholeCopy(NOT_STARTED);
  let reached = 0;
  copy.comeTo('mine');
  copy.expect('mine', () => reached++);
  copy.comeTo('of another life');
  expect(reached).toBe(0);
  copy.comeTo('mine');
  expect(reached).toBe(1);
});

test('a copy that begins again covers what comes, and one that was expected is the new one', () => {
  const copy = new WholeCopy({ ...NOT_STARTED, done: true, seen: SEEN });
  let reached = 0;
  copy.expect('mine', () => reached++);
  copy.beginsAgain();
  expect(copy.covers(at(95))).toBe(true);
  copy.comeTo('mine');
  expect(reached).toBe(1);
});
