import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FerryError } from '../../core/errors.js';

/** A file to write, by its path below the folder. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** Migrations of somebody else would have the same numbers. */
async function refuseOthers(folder: string, files: readonly GeneratedFile[]): Promise<void> {
  const migrations = join(folder, 'migrations');
  const names = await readdir(migrations).catch(() => []);
  const other = names.find(
    (name) => name.endsWith('.sql') && files.every(({ path }) => path !== join('migrations', name)),
  );
  if (other === undefined) return;
  throw new FerryError('usage', `${migrations} has migrations of its own, such as ${other}; nothing was written`, {
    remedy: 'Name another folder with --out, and take over from there what you want.',
  });
}

/**
 * Writes what is not there yet. A file that is there and says the same is left alone; one that says something else is
 * somebody's work, or has been run.
 * @returns the paths that were written.
 * @throws FerryError `usage`, before anything is written.
 */
export async function writeGenerated(folder: string, files: readonly GeneratedFile[]): Promise<string[]> {
  await refuseOthers(folder, files);
  const missing: GeneratedFile[] = [];
  for (const file of files) {
    const path = join(folder, file.path);
    const there = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new FerryError('config-invalid', `cannot read ${path}: ${error.code}`, { cause: error });
    });
    if (there === undefined) missing.push(file);
    else if (there !== file.text) {
      throw new FerryError('usage', `${path} is there and says something else; nothing was written`, {
        remedy:
          'Remove it, or name another folder with --out; what a database has run already is changed by a migration.',
      });
    }
  }
  for (const { path, text } of missing) {
    const full = join(folder, path);
    try {
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, text, { flag: 'wx' });
    } catch (cause) {
      throw new FerryError('config-invalid', `cannot write ${full}: ${(cause as NodeJS.ErrnoException).code}`, {
        remedy: 'Name a folder with --out that can be written.',
        cause,
      });
    }
  }
  return missing.map(({ path }) => join(folder, path));
}
