import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface SmallDisk {
  readonly directory: string;
  /** Leaves no byte free. */
  fill(): Promise<void>;
  /** Takes away what fill() has put there. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

/** What a test needs that has one. */
export const SMALL_DISK = 'small file system, which root may mount';

/** A file system of its own. @throws where this user may not mount one. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-disk-'));
  const filler = join(directory, 'filler');
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', directory]);
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
  return {
    directory,
    async fill() {
      await run('sh', ['-c', `cat /dev/zero > ${filler} 2> /dev/null || true`]);
    },
    empty: () => rm(filler),
    async remove() {
      // A server that a test has failed on may have files open there.
      await run('umount', ['-l', directory]);
      await rm(directory, { recursive: true });
    },
  };
}
