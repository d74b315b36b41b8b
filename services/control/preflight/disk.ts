import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defineCheck, mappedSourceTables, type PreflightContext } from './context.js';
import { formatBytes } from './format-bytes.js';
import { readTableBytes } from './read-catalog.js';

/** Below this a copy is small beside what any server has free, and a warning would only be noise. */
const WORTH_A_WARNING = 1024 ** 3;

/** Of what is copied. */
async function mappedBytes(context: PreflightContext): Promise<number> {
  if (context.pipeline.wayBackOf) return 0;
  const tables = await mappedSourceTables(context);
  const bytes = await readTableBytes(
    context.source,
    tables.map(({ table }) => table.oid),
  );
  return [...bytes.values()].reduce((sum, size) => sum + size, 0);
}

/** SQL does not tell the free space of a server's disk. */
export const targetDisk = defineCheck(
  { name: 'disk', side: 'target', passed: 'there is nothing to copy' },
  async (context, report) => {
    const bytes = await mappedBytes(context);
    if (bytes === 0) return [];
    const message = `the mapped tables take ${formatBytes(bytes)} at the source, indexes included`;
    if (bytes < WORTH_A_WARNING) return [report.ok(message)];
    return [
      report.warn(`${message}; the target needs as much, and its free space cannot be seen from here`, {
        remedy: `See that the target's disk has more than ${formatBytes(bytes)} free.`,
      }),
    ];
  },
);

/** The embedded log keeps every row once in raw and once in a domain topic. */
export const logDisk = defineCheck(
  { name: 'log-disk', side: 'source', passed: 'the log is on its brokers' },
  async (context, report) => {
    const { brokers, directory } = context.pipeline.log;
    if (brokers.length > 0) return [];
    const needed = 2 * (await mappedBytes(context));
    const free = await freeBytes(directory);
    if (free >= needed) return [report.ok(`${formatBytes(free)} are free for the log in ${directory}`)];
    return [
      report.warn(`the log in ${directory} may need ${formatBytes(needed)}, and ${formatBytes(free)} are free`, {
        object: directory,
        remedy: 'Set log.directory in pipeline.yaml to a larger disk, or free some space.',
      }),
    ];
  },
);

/** Of the file system that the directory is on, or will be on once it exists. */
async function freeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw error;
    return freeBytes(parent);
  }
}
