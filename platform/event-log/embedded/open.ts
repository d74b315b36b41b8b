import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FerryError } from '../../../core/errors.js';
import type { EventLog } from '../port.js';
import { EmbeddedLog } from './embedded-log.js';

/**
 * Opens the embedded log of a pipeline: one directory, any number of processes of one machine. Never put it on a
 * network file system: its locks are the machine's.
 * @throws FerryError `log-foreign` when the directory belongs to another pipeline.
 */
export async function openEmbeddedLog(options: { directory: string; pipeline: string }): Promise<EventLog> {
  const { directory, pipeline } = options;
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    throw new FerryError('log-full', `cannot create the log directory ${directory}`, { cause });
  }
  await claim(directory, pipeline);
  return new EmbeddedLog(directory, pipeline);
}

async function claim(directory: string, pipeline: string): Promise<void> {
  const file = join(directory, 'pipeline.json');
  const content = `${JSON.stringify({ ferry: 1, pipeline })}\n`;
  try {
    await writeFile(file, content, { flag: 'wx' });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = await readOwner(file);
  if (owner !== pipeline) {
    throw new FerryError(
      'log-foreign',
      `the log directory ${directory} belongs to the pipeline ${owner}, not ${pipeline}`,
      {
        details: { directory, owner, pipeline },
      },
    );
  }
}

async function readOwner(file: string): Promise<string> {
  // Another service may be between creating the file and filling it.
  for (let attempt = 0; ; attempt++) {
    try {
      return (JSON.parse(await readFile(file, 'utf8')) as { pipeline: string }).pipeline;
    } catch (cause) {
      if (attempt >= 20) throw new FerryError('log-corrupt', `${file} is not a log's identity`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
