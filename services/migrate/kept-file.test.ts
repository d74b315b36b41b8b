import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keep, keepFile } from './kept-file.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-kept-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('a file is written with its folder, and over one that is there', async () => {
  const path = join(directory, 'a', 'b.sql');
  await keep(path, 'one');
  expect(await keep(path, 'two')).toBe(path);
  expect(await readFile(path, 'utf8')).toBe('two');
  expect(await readdir(join(directory, 'a'))).toEqual(['b.sql']);
});

test.skipIf(!existsSync('/dev/full'))('without room the file is named, and what was there stays', async () => {
  const path = join(directory, 'b.sql');
  await writeFile(path, 'before');
  await symlink('/dev/full', `${path}.new`);
  await expect(keep(path, 'text')).rejects.toMatchObject({
    code: 'disk-full',
    message: expect.stringContaining(`cannot write ${path}: ENOSPC`),
  });
  expect(await readdir(directory)).toEqual(['b.sql']);
  expect(await readFile(path, 'utf8')).toBe('before');
});

test('what cannot be written at all is named; what else fails says so itself', async () => {
  await writeFile(join(directory, 'a'), 'a file');
  await expect(keep(join(directory, 'a', 'b.sql'), 'x')).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining(join(directory, 'a', 'b.sql')),
  });
  const half = keepFile(join(directory, 'c.sql'), async (unfinished) => {
    await writeFile(unfinished, 'half');
    throw new Error('pg_dump died');
  });
  await expect(half).rejects.toThrow('pg_dump died');
  expect(await readdir(directory)).toEqual(['a']);
});
