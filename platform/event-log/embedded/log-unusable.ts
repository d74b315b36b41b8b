import { FerryError } from '../../../core/errors.js';

/**
 * Works in a log directory.
 * @throws what the work throws; of what the file system says, FerryError `log-full`, `config-invalid` or `log-unreachable`.
 */
export async function inLogDirectory<T>(directory: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw logUnusable(directory, cause);
  }
}

function logUnusable(directory: string, cause: unknown): FerryError {
  if (cause instanceof FerryError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (FULL.has(String(code))) {
    return new FerryError('log-full', `the log directory ${directory} cannot grow: ${message}`, { cause });
  }
  if (NOT_OURS.has(String(code))) {
    return new FerryError('config-invalid', `cannot use the log directory ${directory}: ${message}`, {
      remedy: 'Name another one as log.directory in pipeline.yaml, or give this user the right to write it.',
      cause,
    });
  }
  return new FerryError('log-unreachable', `cannot use the log directory ${directory}: ${message}`, {
    remedy: 'Look at the disk that holds it.',
    cause,
  });
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Nothing that waiting would change. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);
