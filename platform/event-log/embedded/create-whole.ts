import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';

/** Creates a file that appears whole or not at all, also after a crash; one that is there stays as it is. */
export async function createWhole(path: string, text: string): Promise<void> {
  if (existsSync(path)) return;
  const written = `${path}.${randomUUID()}`;
  try {
    await using file = await open(written, 'w');
    await file.writeFile(text);
    await file.sync();
    await link(written, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(written, { force: true });
  }
}
