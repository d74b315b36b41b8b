import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ConfigFile, type Pipeline, parsePipeline } from '../core/config/pipeline.js';
import { refuseOtherWay, type WayBackOf } from '../core/config/way-back.js';
import { FerryError } from '../core/errors.js';
import type { TableMapping } from '../core/mapping.js';
import { atPlace } from './at-place.js';

export interface LoadedPipeline extends Pipeline {
  /** Absolute path of the configuration directory. */
  readonly directory: string;
  readonly log: Pipeline['log'] & { readonly directory: string };
  /** Of a way back: the mappings of the pipeline that it leads back. */
  readonly forward?: readonly TableMapping[];
}

/** The files of a configuration directory. */
export interface PipelineFiles {
  readonly directory: string;
  readonly pipeline: ConfigFile;
  /** Of `mapping/*.yaml`, by name. */
  readonly mappings: readonly ConfigFile[];
}

/** @throws FerryError `config-invalid` when a file cannot be read. */
export async function readPipelineFiles(directory: string): Promise<PipelineFiles> {
  const file = async (path: string): Promise<ConfigFile> => {
    const shown = join(directory, path);
    try {
      return { path: shown, text: await readFile(shown, 'utf8') };
    } catch (cause) {
      throw new FerryError('config-invalid', `cannot read ${shown}: ${(cause as NodeJS.ErrnoException).code}`, {
        remedy: 'Name the directory that holds pipeline.yaml with -c; `ferry init` writes one.',
        cause,
      });
    }
  };
  const names = await readdir(join(directory, 'mapping')).catch(() => []);
  const mappings = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  return {
    directory,
    pipeline: await file('pipeline.yaml'),
    mappings: await Promise.all(mappings.map((name) => file(join('mapping', name)))),
  };
}

/** @throws FerryError what {@link parsePipeline} throws. */
export function pipelineOf(files: PipelineFiles, env: NodeJS.ProcessEnv = process.env): LoadedPipeline {
  const pipeline = parsePipeline(files, env);
  const root = resolve(files.directory);
  // Relative to the configuration, so that every service finds the same log wherever it is started.
  const { tls, directory: logDirectory } = pipeline.log;
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(root, path));
  const log = {
    ...pipeline.log,
    directory: resolve(root, logDirectory ?? join('.ferry', pipeline.name)),
    tls: tls && { ...tls, ca: at(tls.ca), cert: at(tls.cert), key: at(tls.key) },
  };
  const { wayBackOf: back } = pipeline;
  const wayBackOf = back && { ...back, directory: resolve(root, back.directory) };
  return { ...pipeline, wayBackOf, log, directory: root };
}

/**
 * Reads `pipeline.yaml` and `mapping/*.yaml` of a configuration directory; of a way back also those of the pipeline that it
 * leads back, which must be its other direction.
 * @throws FerryError `config-invalid` when a file cannot be read, and what {@link parsePipeline} throws.
 */
export async function loadPipeline(directory: string, env: NodeJS.ProcessEnv = process.env): Promise<LoadedPipeline> {
  const pipeline = pipelineOf(await readPipelineFiles(directory), env);
  const { wayBackOf } = pipeline;
  if (!wayBackOf) return pipeline;
  const forward = await loadForward(wayBackOf, env);
  refuseOtherWay(pipeline, wayBackOf, forward);
  return { ...pipeline, forward: forward.tables };
}

async function loadForward({ directory, place }: WayBackOf, env: NodeJS.ProcessEnv): Promise<LoadedPipeline> {
  try {
    return pipelineOf(await readPipelineFiles(directory), env);
  } catch (error) {
    throw atPlace(error, place);
  }
}

/**
 * The pipeline that brings changes back, which `ferry way-back` writes into the directory `back` of the forward one.
 * @returns undefined where there is none.
 * @throws what {@link loadPipeline} throws.
 */
export async function loadWayBack(
  { directory }: LoadedPipeline,
  env: NodeJS.ProcessEnv = process.env,
): Promise<LoadedPipeline | undefined> {
  const back = join(directory, 'back');
  if (!existsSync(join(back, 'pipeline.yaml'))) return undefined;
  return loadPipeline(back, env);
}
