import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FerryError } from '../../../core/errors.js';

/** A file to write, by its path below the configuration directory. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Refuses early, before anything is created anywhere.
 * @throws FerryError `usage` when one of the files exists.
 */
export async function refuseExistingFiles(directory: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await stat(join(directory, path)).then(
      () => true,
      () => false,
    );
    if (found) {
      throw new FerryError('usage', `${join(directory, path)} exists already, and is not overwritten`, {
        remedy: 'Name another directory with --out, or remove the file.',
      });
    }
  }
}

/**
 * Writes new files; on a failure those already written are removed again.
 * @throws FerryError `config-invalid`.
 */
export async function writeNewFiles(directory: string, files: readonly NewFile[]): Promise<void> {
  const written: string[] = [];
  for (const { path, text } of files) {
    const full = join(directory, path);
    try {
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, text, { flag: 'wx' });
      written.push(path);
    } catch (cause) {
      await removeFiles(directory, written);
      const { code } = cause as NodeJS.ErrnoException;
      throw new FerryError('config-invalid', `cannot write ${full}: ${code}`, {
        remedy: 'Name a directory with --out that can be written.',
        cause,
      });
    }
  }
}

export async function removeFiles(directory: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(join(directory, path), { force: true });
}
