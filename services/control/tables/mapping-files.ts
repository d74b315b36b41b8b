import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type MappingEntry,
  newMappingFile,
  schemaOf,
  withoutTable,
  withTable,
} from '../../../core/config/edit-mapping.js';
import type { ConfigFile } from '../../../core/config/pipeline.js';
import { FerryError } from '../../../core/errors.js';
import type { TableMapping } from '../../../core/mapping.js';
import type { PipelineFiles } from '../../../platform/load-pipeline.js';
import { mappingFile } from '../init/render-mapping.js';

/** A pipeline's files with one of them changed. */
export interface ChangedFiles {
  readonly files: PipelineFiles;
  readonly changed: ConfigFile;
}

/** @throws FerryError `config-invalid` for a file that is no YAML. */
export function addEntry(files: PipelineFiles, entry: MappingEntry): ChangedFiles {
  const { schema } = entry.target;
  const file =
    files.mappings.find((one) => schemaOf(one) === schema) ?? newMappingFile(freePath(files, schema), schema);
  return withFile(files, withTable(file, entry));
}

/** The file of that name may be another schema's. */
function freePath({ directory, mappings }: PipelineFiles, schema: string): string {
  const taken = new Set(mappings.map(({ path }) => path));
  const path = join(directory, mappingFile(schema));
  for (let n = 2; ; n++) {
    const free = n === 2 ? path : path.replace(/\.yaml$/, `-${n - 1}.yaml`);
    if (!taken.has(free)) return free;
  }
}

export function removeEntry(files: PipelineFiles, { target, place }: TableMapping): ChangedFiles {
  const file = files.mappings.find(({ path }) => path === place.file)!;
  return withFile(files, withoutTable(file, target.table));
}

function withFile(files: PipelineFiles, changed: ConfigFile): ChangedFiles {
  const others = files.mappings.filter(({ path }) => path !== changed.path);
  return { files: { ...files, mappings: [...others, changed] }, changed };
}

/**
 * Writes a file, whole or not at all: services may read it at any moment.
 * @throws FerryError `config-invalid`.
 */
export async function writeConfigFile({ path, text }: ConfigFile): Promise<void> {
  // Not a name that counts as a mapping file.
  const beside = `${path}.${randomUUID()}.new`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, text, { flag: 'wx' });
    await rename(beside, path);
  } catch (cause) {
    throw new FerryError('config-invalid', `cannot write ${path}: ${(cause as NodeJS.ErrnoException).code}`, {
      remedy: 'Run it where the configuration can be written, or write the entry yourself and run it again.',
      cause,
    });
  }
}
