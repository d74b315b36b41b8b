import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { displayName } from '../../../core/relation.js';
import { readCatalog, readTableBytes } from '../preflight/read-catalog.js';
import { type Assignment, assignTables, type LeftTable } from './assign-tables.js';
import { configFiles } from './config-files.js';
import { createTarget } from './create-target.js';
import { type MapRule, parseMap } from './parse-map.js';
import { pipelineName } from './pipeline-name.js';
import { planTarget, type TargetPlan } from './plan-target.js';
import { readSourceParts } from './read-source-parts.js';
import { readTargetFacts } from './read-target-facts.js';
import { renderMigrations } from './render-migrations.js';
import { refuseExistingFiles, removeFiles, writeNewFiles } from './write-files.js';

export interface InitOptions {
  /** Where the configuration is written. */
  readonly directory: string;
  /** Name of the pipeline. */
  readonly name: string;
  readonly rules: readonly MapRule[];
  readonly brokers?: string;
}

export interface InitResult {
  readonly ok: true;
  readonly directory: string;
  /** `schema.table` on each side. */
  readonly tables: readonly { readonly source: string; readonly target: string }[];
  /** Tables that are not moved, and parts of tables that are not created. */
  readonly left: readonly { readonly table: string; readonly reason: string }[];
  /** Relative to the directory. */
  readonly files: readonly string[];
  readonly next: readonly string[];
}

/**
 * Judges what was asked for, before anything is connected to.
 * @param asked `maps` as they were written, and the name if it is not the directory's.
 * @throws FerryError `usage`.
 */
export function initOptions(asked: {
  readonly maps: readonly string[];
  readonly directory: string;
  readonly name?: string | undefined;
  readonly brokers?: string | undefined;
}): InitOptions {
  const { maps, directory, name, brokers } = asked;
  return {
    directory,
    name: pipelineName(directory, name),
    rules: maps.map(parseMap),
    ...(brokers === undefined ? {} : { brokers }),
  };
}

/**
 * Writes a pipeline's configuration from the source's catalog; with a target session it also creates the tables there.
 * Nothing is left behind when it fails.
 * @throws FerryError `usage`, `target-unfit`, or what the databases answer.
 */
export async function initPipeline(
  options: InitOptions,
  clients: { readonly source: ClientBase; readonly target?: ClientBase },
): Promise<InitResult> {
  const { name, rules } = options;
  const catalog = await readCatalog(clients.source);
  const assignment = assignTables(rules, [...catalog.tables.values()]);
  if (assignment.tables.length === 0) throw nothingToMove(assignment);
  const oids = assignment.tables.map(({ source }) => source.oid);
  const plan = clients.target && {
    target: clients.target,
    ...planTarget({
      tables: assignment.tables,
      rules,
      types: catalog.types,
      parts: await readSourceParts(clients.source, oids),
      facts: await readTargetFacts(clients.target),
    }),
  };
  const files = [
    ...configFiles({
      name,
      brokers: options.brokers,
      assignment,
      bytes: await readTableBytes(clients.source, oids),
    }),
    ...(plan ? renderMigrations(plan) : []),
  ];
  const paths = files.map(({ path }) => path);
  await refuseExistingFiles(options.directory, paths);
  const write = () => writeNewFiles(options.directory, files);
  if (plan) await createThenWrite(plan, options.directory, paths, write);
  else await write();
  return resultOf(options.directory, assignment, [...assignment.left, ...(plan?.left ?? [])], paths);
}

/** The transaction ends after the files are written, so that either both stand or neither. */
async function createThenWrite(
  plan: TargetPlan & { readonly target: ClientBase },
  directory: string,
  paths: readonly string[],
  write: () => Promise<void>,
): Promise<void> {
  let isWritten = false;
  try {
    await createTarget(plan.target, plan.before, async () => {
      await write();
      isWritten = true;
    });
  } catch (error) {
    if (isWritten) await removeFiles(directory, paths);
    throw error;
  }
}

function nothingToMove({ left }: Assignment): FerryError {
  const reasons = left.filter(({ schema }) => schema !== undefined).map(({ table, reason }) => `${table}: ${reason}`);
  return new FerryError('usage', ['no table that --map names can be moved', ...reasons].join('\n'), {
    remedy: 'Name a schema or a table of the source that has rows of its own and a key.',
  });
}

function resultOf(
  directory: string,
  { tables }: Assignment,
  left: readonly LeftTable[],
  files: readonly string[],
): InitResult {
  return {
    ok: true,
    directory,
    tables: tables.map(({ source, target }) => ({ source: displayName(source), target: displayName(target) })),
    left: left.map(({ table, reason }) => ({ table, reason })),
    files,
    next: [
      'export SOURCE_URL and TARGET_URL: the files refer to them and hold no URL',
      `ferry check -c ${directory}`,
      `ferry up -c ${directory}`,
    ],
  };
}
