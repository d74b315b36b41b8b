import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeGenerated } from './write-files.js';

test('what is there is never overwritten, and then nothing is written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ferry-test-files-'));
  const files = [
    { path: 'migrations/001_a.sql', text: 'a' },
    { path: 'SCHEMA.md', text: 'b' },
  ];
  expect(await writeGenerated(folder, files)).toEqual(files.map(({ path }) => join(folder, path)));
  expect(await writeGenerated(folder, files)).toEqual([]);
  await writeFile(join(folder, 'SCHEMA.md'), 'mine');
  const more = [{ path: 'migrations/002_c.sql', text: 'c' }, ...files];
  await expect(writeGenerated(folder, more)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('SCHEMA.md is there'),
  });
  expect(await readdir(join(folder, 'migrations'))).toEqual(['001_a.sql']);
  expect(await readFile(join(folder, 'SCHEMA.md'), 'utf8')).toBe('mine');
  await writeFile(join(folder, 'migrations', '001_mine.sql'), 'mine');
  await expect(writeGenerated(folder, files)).rejects.toMatchObject({
    message: expect.stringContaining('001_mine.sql'),
  });
  await rm(folder, { recursive: true });
});
