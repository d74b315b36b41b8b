import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import { routeName, type TableMapping } from '../../../core/mapping.js';
import { readCopiedSources } from '../../../platform/control-schema.js';
import { classify } from '../../../platform/postgres.js';

/**
 * Refuses tables whose snapshot apply has not written to its end: nearly every row of theirs would be missing.
 * @throws FerryError `not-ready` naming them.
 */
export async function refuseUncopied(
  target: ClientBase,
  { pipeline, partitions, tables }: { pipeline: string; partitions: number; tables: readonly TableMapping[] },
): Promise<void> {
  const copied = await readCopied(target, pipeline, partitions);
  const uncopied = tables.map(routeName).filter((table) => !copied.has(table));
  if (uncopied.length === 0) return;
  throw new FerryError('not-ready', `not copied to the end yet: ${uncopied.join(', ')}`, {
    remedy: '`ferry status` shows how far the copy is; it goes on while `ferry up` runs.',
  });
}

async function readCopied(target: ClientBase, pipeline: string, partitions: number): Promise<Set<string>> {
  try {
    return await readCopiedSources(target, pipeline, partitions);
  } catch (error) {
    // Before the first start of apply there is no such table, and so nothing is copied.
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return new Set();
    throw classify('target', error, `the table states of pipeline ${pipeline}`);
  }
}

const UNDEFINED_TABLE = '42P01';
