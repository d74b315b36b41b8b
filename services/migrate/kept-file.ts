import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FerryError } from '../../core/errors.js';

/**
 * Writes a file whole or not at all: beside it first, then under its name.
 * @param fill writes what it is given the path of.
 * @returns the path.
 * @throws FerryError that names the file: `disk-full`, or `config-invalid` where it may not be written.
 */
export async function keepFile(path: string, fill: (unfinished: string) => Promise<void>): Promise<string> {
  const unfinished = `${path}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await fill(unfinished);
    await reachDisk(unfinished);
    await rename(unfinished, path);
    return path;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw unwritten(path, error);
  }
}

/** As {@link keepFile}, of a text. */
export function keep(path: string, text: string): Promise<string> {
  return keepFile(path, (unfinished) => writeFile(unfinished, text));
}

async function reachDisk(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

function unwritten(path: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  // Not of the file system: pg_dump's, which says itself what it is.
  if (error instanceof FerryError || syscall === undefined) return error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new FerryError(isFull ? 'disk-full' : 'config-invalid', `cannot write ${path}: ${message}`, {
    remedy: `${isFull ? 'Free space there' : 'Make it writable'}, then run the command again: it goes on from where it stands.`,
    cause: error,
  });
}
