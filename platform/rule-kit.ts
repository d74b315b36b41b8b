import { hash } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FerryError } from '../core/errors.js';
import type { RuleKit } from '../core/mapping/rule-kit.js';
import type { MappingFunction } from '../core/mapping/user-function.js';
import type { LoadedPipeline } from './load-pipeline.js';

/** What rules compute with, where nobody has functions of his own. */
export const ruleKit: RuleKit = {
  sha1: (bytes) => hash('sha1', bytes, 'buffer'),
  functions: new Map(),
};

/**
 * What the rules of a pipeline compute with: its own functions are the exports of the module that `functions` names.
 * The module is read once in the life of a process.
 * @throws FerryError `config-invalid` for a module that cannot be loaded, or has an async function.
 */
export async function ruleKitOf({
  directory,
  functions,
}: Pick<LoadedPipeline, 'directory' | 'functions'>): Promise<RuleKit> {
  if (functions === undefined) return ruleKit;
  const path = resolve(directory, functions);
  const exported = Object.entries(await load(path)).filter(([, value]) => typeof value === 'function');
  const late = exported.find(([, value]) => Object.prototype.toString.call(value) !== '[object Function]');
  if (late) {
    throw new FerryError('config-invalid', `${path}: the function ${late[0]} is async or a generator`, {
      remedy: 'A rule calls a function for each row and takes its answer at once: return text or null.',
    });
  }
  return { ...ruleKit, functions: new Map(exported as [string, MappingFunction][]) };
}

async function load(path: string): Promise<object> {
  try {
    return (await import(pathToFileURL(path).href)) as object;
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    throw new FerryError('config-invalid', `functions: cannot load ${path}: ${message}`, {
      remedy:
        code === 'ERR_UNKNOWN_FILE_EXTENSION'
          ? 'This Node does not run TypeScript: compile it to JavaScript (tsc), or take Node 22.18 or later.'
          : 'Correct the module, or `functions` in pipeline.yaml.',
      cause,
    });
  }
}
