import { readFile } from 'node:fs/promises';
import { FerryError } from '../../../core/errors.js';
import { directives, fileText } from '../file-text.js';
import type { Layout } from '../layout.js';
import type { Migration } from '../migration-set.js';
import { rollbackFile } from '../record-file.js';
import { inItsWay } from '../run-migration.js';
import { readScript, type Script } from '../script.js';
import { REVIEW } from './write-rollback.js';

export interface UndoingScript {
  readonly script: Script;
  /** False by `-- ferry: no-transaction`. */
  readonly isTransactional: boolean;
}

/**
 * The script that undoes a migration.
 * @throws FerryError `migrations-refused` when there is none, it says nothing, or has marks for review.
 */
export async function readUndoing(layout: Layout, migration: Migration): Promise<UndoingScript> {
  const file = rollbackFile(layout, migration);
  const refuse = (why: string, remedy: string) =>
    new FerryError('migrations-refused', `${migration.file} cannot be undone: ${why}`, { remedy });
  const bytes = await readFile(file).catch(() => {
    throw refuse(
      `there is no ${file}`,
      'Write it, or go back to a state of the schema: ferry db rollback --snapshot NAME.',
    );
  });
  const text = fileText(file, bytes);
  const marks = text.split('\n').filter((line) => line.startsWith(REVIEW));
  if (marks.length > 0) {
    throw refuse(`${file} has ${marks.length} marks for review, the first: ${marks[0]!.slice(3)}`, REVIEW_REMEDY);
  }
  const isTransactional = directives(text, 'no-transaction').length === 0;
  const script = inItsWay(await readScript(file, text), isTransactional);
  if (script.parts.length === 0) throw refuse(`${file} has no statement`, 'Write it; nothing was run.');
  return { script, isTransactional };
}

const REVIEW_REMEDY = 'See to what each says, take the lines out, and run the command again; nothing was run.';
