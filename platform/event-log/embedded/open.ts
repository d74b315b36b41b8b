import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FerryError } from '../../../core/errors.js';
import type { EventLog } from '../port.js';
import { EmbeddedLog } from './embedded-log.js';
import { logUnusable } from './log-unusable.js';

/**
 * Opens the embedded log of a pipeline: one directory, any number of processes of one machine. Never put it on a
 * network file system: its locks are the machine's.
 * @throws FerryError `log-foreign` when the directory belongs to another pipeline; `log-full`, `config-invalid` when
 *   it cannot be written.
 */
export async function openEmbeddedLog(options: { directory: string; pipeline: string }): Promise<EventLog> {
  const { directory, pipeline } = options;
  try {
    await mkdir(directory, { recursive: true });
    await claim(directory, pipeline);
    return new EmbeddedLog(directory, pipeline);
  } catch (cause) {
    throw logUnusable(directory, cause);
  }
}

/** The directory's identity appears whole or not at all: a full disk or a crash must not leave an empty one. */
async function claim(directory: string, pipeline: string): Promise<void> {
  const file = join(directory, 'pipeline.json');
  const written = `${file}.${process.pid}`;
  let owner = await readOwner(file);
  if (owner === undefined) {
    try {
      await writeFile(written, `${JSON.stringify({ ferry: 1, pipeline })}\n`);
      await link(written, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(written, { force: true });
    }
    owner = await readOwner(file);
  }
  if (owner === pipeline) return;
  throw new FerryError(
    'log-foreign',
    `the log directory ${directory} belongs to the pipeline ${owner}, not ${pipeline}`,
    { details: { directory, owner, pipeline } },
  );
}

async function readOwner(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return (JSON.parse(text) as { pipeline: string }).pipeline;
  } catch (cause) {
    throw new FerryError('log-corrupt', `${file} is not a log's identity`, { cause });
  }
}
