import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { pipelineSchema } from '../../../core/config/schema.js';
import { refuseOtherWay } from '../../../core/config/way-back.js';
import { FerryError } from '../../../core/errors.js';
import type { OneWay } from '../../../core/mapping/invert/one-way.js';
import { displayName } from '../../../core/relation.js';
import { WAY_BACK } from '../../../core/way-back.js';
import { type PipelineFiles, pipelineOf } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import { type NewFile, refuseExistingFiles, removeFiles, writeNewFiles } from '../init/write-files.js';
import { type PreflightSides, preflightContext } from '../preflight/context.js';
import { counted, listed } from '../preflight/finding.js';
import { writeConfigFile } from '../tables/mapping-files.js';
import { type KnownInverse, readInverse } from './inverse.js';
import { renderMappings } from './render-mappings.js';
import { renderWayBack } from './render-pipeline.js';

export interface WayBackResult {
  readonly ok: true;
  readonly directory: string;
  /** Of the pipeline that was written. */
  readonly name: string;
  /** What comes back: from a table of the new project to one of the old. */
  readonly tables: readonly { readonly source: string; readonly target: string }[];
  /** What does not, or not as it is. */
  readonly oneWay: readonly OneWay[];
  /** Relative to the directory. */
  readonly files: readonly string[];
  readonly next: readonly string[];
}

/**
 * Writes the way back of a pipeline: an ordinary pipeline from the new project to the old one, in a directory of its own. The
 * same mapping and catalogs give the same bytes.
 * @param files of the pipeline that it leads back.
 * @param options.force writes over a way back that is there.
 * @throws FerryError `usage` for files that are there; `not-ready` where a table is missing on a side, or nothing comes back.
 */
export async function writeWayBack(
  files: PipelineFiles,
  sides: PreflightSides,
  options: { readonly directory: string; readonly force: boolean; readonly env?: NodeJS.ProcessEnv },
): Promise<WayBackResult> {
  const { directory, force, env } = options;
  const forward = pipelineOf(files, env);
  const name = nameOf(forward);
  const inverse = await readInverse(preflightContext(forward, sides));
  refuseNothing(inverse);
  // With slashes wherever it is written.
  const base = relative(resolve(directory), forward.directory).replaceAll('\\', '/') || '.';
  const written: NewFile[] = [
    { path: 'pipeline.yaml', text: renderWayBack(files.pipeline.text, { name: forward.name, base }) },
    ...renderMappings(inverse, forward.tables),
  ];
  const [pipeline, ...mappings] = written.map(({ path, text }) => ({ path: join(directory, path), text }));
  const back = pipelineOf({ directory, pipeline: pipeline!, mappings }, env);
  refuseOtherWay(back, back.wayBackOf!, forward);
  if (mappingDigest(back) !== mappingDigest(inverse)) {
    throw new FerryError('internal', 'the way back would not be read as what it is');
  }
  await (force ? writeAnew(directory, written) : writeFirst(directory, written));
  return {
    ok: true,
    directory,
    name,
    tables: inverse.tables.map(({ source, target }) => ({ source: displayName(source), target: displayName(target) })),
    oneWay: inverse.oneWay,
    files: written.map(({ path }) => path),
    next: [`read what was written to ${directory}: it says what does not come back`, `ferry check -c ${directory}`],
  };
}

function nameOf(forward: { readonly name: string; readonly wayBackOf?: object }): string {
  const name = `${forward.name}${WAY_BACK}`;
  if (forward.wayBackOf) throw new FerryError('usage', `${forward.name} is a way back itself`);
  if (pipelineSchema.shape.pipeline.safeParse(name).success) return name;
  throw new FerryError('usage', `${name} is too long for the name of a pipeline`, {
    remedy: `A way back is called as its pipeline, with ${WAY_BACK} behind it: that one needs a shorter name.`,
  });
}

function refuseNothing({ tables, missing }: KnownInverse): void {
  if (missing.length > 0) {
    const names = listed(missing.map(({ source, target }) => `${displayName(source)} -> ${displayName(target)}`));
    throw new FerryError('not-ready', `a side is missing of ${counted(missing.length, 'table')}: ${names}`, {
      remedy: 'Create them, or take them out of the mapping: `ferry check` says what is missing where.',
    });
  }
  if (tables.length === 0) {
    throw new FerryError('not-ready', 'nothing that is written to the new project can come back', {
      remedy: '`ferry check --json` says why of each table, under way-back.',
    });
  }
}

/** Every mapping file of a directory is one of its pipeline's, whoever wrote it. */
async function mappingFiles(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, 'mapping')).catch(() => []);
  return names.filter((name) => /\.ya?ml$/.test(name)).map((name) => `mapping/${name}`);
}

async function writeFirst(directory: string, files: readonly NewFile[]): Promise<void> {
  await refuseExistingFiles(directory, [...files.map(({ path }) => path), ...(await mappingFiles(directory))]);
  await writeNewFiles(directory, files);
}

async function writeAnew(directory: string, files: readonly NewFile[]): Promise<void> {
  await refuseOtherPipeline(join(directory, 'pipeline.yaml'));
  const paths = files.map(({ path }) => path);
  const stale = (await mappingFiles(directory)).filter((path) => !paths.includes(path));
  for (const { path, text } of files) await writeConfigFile({ path: join(directory, path), text });
  await removeFiles(directory, stale);
}

/** What is overwritten is a way back, and never the pipeline itself. */
async function refuseOtherPipeline(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined || (parse(text) as { wayBackOf?: unknown } | null)?.wayBackOf !== undefined) return;
  throw new FerryError('usage', `${path} is no way back, and is not overwritten`, {
    remedy: 'Name another directory with --out.',
  });
}
