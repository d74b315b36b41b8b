import { basename, resolve } from 'node:path';
import { pipelineSchema } from '../../../core/config/schema.js';
import { FerryError } from '../../../core/errors.js';

/**
 * The name of a new pipeline: as given, or the directory's name with what a pipeline's name cannot hold replaced.
 * @throws FerryError `usage` when the name given is not one.
 */
export function pipelineName(directory: string, given: string | undefined): string {
  if (given === undefined) return nameOfDirectory(basename(resolve(directory)));
  const result = pipelineSchema.shape.pipeline.safeParse(given);
  if (result.success) return given;
  throw new FerryError('usage', `--name ${given}: ${result.error.issues[0]!.message}`);
}

function nameOfDirectory(directory: string): string {
  const name = directory
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 41)
    .replace(/-+$/, '');
  return name || 'pipeline';
}
