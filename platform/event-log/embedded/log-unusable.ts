import { FerryError } from '../../../core/errors.js';

/** Gives what the file system or lmdb says of a log directory its code. */
export function logUnusable(directory: string, cause: unknown): FerryError {
  if (cause instanceof FerryError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/ENOSPC|No space|MAP_FULL|EDQUOT|quota/i.test(message)) {
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

/** Nothing that waiting would change; lmdb gives the number, Node the name. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', '13', '1', '30', '20']);
