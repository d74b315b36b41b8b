import { writeSync } from 'node:fs';

/**
 * Writes in one piece, so that what others append does not come in between.
 * @param position undefined appends, to a file that was opened so.
 * @throws what the system says, and ENOSPC when it takes no more than a part.
 */
export function writeWhole(fd: number, bytes: Buffer, position?: number): void {
  const written = writeSync(fd, bytes, 0, bytes.length, position ?? null);
  if (written === bytes.length) return;
  const error = new Error(`ENOSPC: no space left on device, ${written} of ${bytes.length} bytes were written`);
  throw Object.assign(error, { code: 'ENOSPC' });
}
