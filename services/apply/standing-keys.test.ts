import { expect, test } from 'vitest';
import type { Subject } from './letter.js';
import { connectedTo, StandingKeys } from './standing-keys.js';

const row = (table: string, ...keys: readonly (readonly string[])[]): Subject => ({ tables: [table], keys });
const whole = (...tables: readonly string[]): Subject => ({ tables, keys: undefined });

test('what stands holds the same rows of the same table, and a truncate of it', () => {
  const standing = new StandingKeys();
  expect(standing.isEmpty).toBe(true);
  standing.add(row('t', ['1', 'a'], ['2', 'b']));
  expect([standing.isEmpty, standing.isAbout('t'), standing.isAbout('u')]).toEqual([false, true, false]);
  expect(standing.holds(row('t', ['2', 'b']))).toBe(true);
  expect(standing.holds(row('t', ['3', 'c'], ['1', 'a']))).toBe(true);
  expect(standing.holds(row('t', ['1', 'b']))).toBe(false);
  expect(standing.holds(row('u', ['1', 'a']))).toBe(false);
  expect([standing.holds(whole('t')), standing.holds(whole('u', 't')), standing.holds(whole('u'))]).toEqual([
    true,
    true,
    false,
  ]);
});

test('a truncate that stands holds every row of its tables', () => {
  const standing = new StandingKeys();
  standing.add(row('t', ['1']));
  standing.add(whole('t', 'u'));
  standing.add(row('t', ['2']));
  expect([standing.holds(row('t', ['9'])), standing.holds(row('u', ['9'])), standing.holds(row('v', ['9']))]).toEqual([
    true,
    true,
    false,
  ]);
});

test('keys whose texts only look alike are different', () => {
  const standing = new StandingKeys();
  standing.add(row('t', ['a,b', 'c']));
  expect(standing.holds(row('t', ['a', 'b,c']))).toBe(false);
});

test('letters belong together over any number of key changes, in either direction', () => {
  const letters = [row('t', ['1']), row('t', ['9']), row('t', ['1'], ['2']), row('u', ['2']), row('t', ['2'], ['3'])];
  const [first, other, , elsewhere, last] = letters as [Subject, Subject, Subject, Subject, Subject];
  expect([...connectedTo(letters, [last])].length).toBe(3);
  expect(connectedTo(letters, [last]).has(first)).toBe(true);
  expect([...connectedTo(letters, [other])]).toEqual([other]);
  expect([...connectedTo(letters, [elsewhere])]).toEqual([elsewhere]);
  expect(connectedTo([...letters, whole('t')], [other]).size).toBe(5);
});
