import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-test-reporter-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function lastLineOfRun(files: Record<string, string>): Promise<{ status: number | null; last: string }> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const args = ['run', '--root', directory, '--globals', '--reporter=default'];
  const { status, stdout } = spawnSync(
    process.execPath,
    [resolve('node_modules/vitest/vitest.mjs'), ...args, `--reporter=${resolve('test/support/reporter.ts')}`],
    { encoding: 'utf8' },
  );
  return { status, last: stdout.trimEnd().split('\n').at(-1)! };
}

test('the last line counts the tests', { timeout: 60_000 }, async () => {
  const files = { 'a.test.js': "test('a', () => {}); test('b', () => {});", 'b.test.js': "test('c', () => {});" };
  expect(await lastLineOfRun(files)).toEqual({ status: 0, last: '3 passed, 0 failed' });
});

test('errors outside tests are failures, and what was skipped is said', { timeout: 60_000 }, async () => {
  const files = {
    'test.test.js': "test('good', () => {}); test('bad', () => { throw new Error('x'); }); test.skip('no', () => {});",
    'hook.test.js': "describe('d', () => { afterAll(() => { throw new Error('x'); }); test('good', () => {}); });",
    'load.test.js': "import './nowhere.js'; test('never loaded', () => {});",
    'float.test.js': "test('good', () => { void Promise.reject(new Error('x')); });",
  };
  expect(await lastLineOfRun(files)).toEqual({ status: 1, last: '3 passed, 4 failed, 1 skipped' });
});

test('a run without tests has failed', { timeout: 60_000 }, async () => {
  expect(await lastLineOfRun({})).toEqual({ status: 1, last: '0 passed, 1 failed' });
});
