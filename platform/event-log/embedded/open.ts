import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FerryError } from '../../../core/errors.js';
import type { EventLog } from '../port.js';
import { createWhole } from './create-whole.js';
import { EmbeddedLog } from './embedded-log.js';
import { inLogDirectory } from './log-unusable.js';

/** Of the files' format. Until version 2 they were lmdb's. */
const VERSION = 2;

/**
 * Opens the embedded log of a pipeline: one directory, any number of processes of one machine. Never put it on a
 * network file system: there, two appends may overwrite each other.
 * @throws FerryError `log-foreign` when the directory belongs to another pipeline, or was written by another version;
 *   `log-full`, `config-invalid` when it cannot be written.
 */
export async function openEmbeddedLog(options: { directory: string; pipeline: string }): Promise<EventLog> {
  const { directory, pipeline } = options;
  return inLogDirectory(directory, async () => {
    await mkdir(directory, { recursive: true });
    await claim(directory, pipeline);
    return new EmbeddedLog(directory, pipeline);
  });
}

interface Identity {
  readonly ferry: number;
  readonly pipeline: string;
}

async function claim(directory: string, pipeline: string): Promise<void> {
  const file = join(directory, 'pipeline.json');
  let found = await readIdentity(file);
  if (found === undefined) {
    const ours: Identity = { ferry: VERSION, pipeline };
    await createWhole(file, `${JSON.stringify(ours)}\n`);
    found = await readIdentity(file);
  }
  if (found?.pipeline === pipeline && found.ferry === VERSION) return;
  if (found?.pipeline === pipeline) {
    const message = `the log directory ${directory} has the format ${found.ferry}, and this ferry reads ${VERSION}`;
    throw new FerryError('log-foreign', message, { details: { directory, format: found.ferry } });
  }
  throw new FerryError(
    'log-foreign',
    `the log directory ${directory} belongs to the pipeline ${found?.pipeline}, not ${pipeline}`,
    { details: { directory, owner: found?.pipeline, pipeline } },
  );
}

async function readIdentity(file: string): Promise<Identity | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Identity;
  } catch (cause) {
    throw new FerryError('log-corrupt', `${file} is not a log's identity`, { cause });
  }
}
