import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EmbeddedControlState } from './embedded-control-state.js';

let directory: string;
let control: EmbeddedControlState;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ferry-test-control-'));
  control = new EmbeddedControlState(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

const files = () => readdirSync(directory).sort();
const sizes = () => files().map((file) => statSync(join(directory, file)).size);

test('a put that is cut off leaves the value before it', async () => {
  for (const value of ['first', 'second', 'third']) await control.put('k', value);
  // The third is in the file that the first was in.
  const [third] = files();
  for (const bytes of [0, 10, 40]) {
    truncateSync(join(directory, third!), bytes);
    expect(await control.get('k')).toBe('second');
  }
  writeFileSync(join(directory, third!), Buffer.alloc(16 * 1024, 1));
  expect([...(await control.entries(''))]).toEqual([['k', 'second']]);
  await control.put('k', 'fourth');
  expect(await control.get('k')).toBe('fourth');
});

test('a value that grows by some needs no more space', async () => {
  await control.put('k', 'x');
  await control.put('k', 'y');
  const before = sizes();
  for (const length of [100, 5_000, 15_000]) await control.put('k', 'z'.repeat(length));
  expect(sizes()).toEqual(before);
  await control.put('k', 'z'.repeat(40_000));
  expect(await control.get('k')).toBe('z'.repeat(40_000));
});

test('a key may be long, and look like a path', async () => {
  const keys = ['../../etc/passwd', `table/${'ä'.repeat(200)}`, ''];
  for (const key of keys) await control.put(key, key);
  expect(new Set((await control.entries('')).values())).toEqual(new Set(keys));
  expect(files().every((file) => /^[0-9a-f]{64}\.[01]$/.test(file))).toBe(true);
});
