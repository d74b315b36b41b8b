import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FerryError } from '../../core/errors.js';
import { type MigrationSet, migrationSet } from './migration-set.js';

/** The folders of a database, below the one that `--dir` names. */
export interface Layout {
  readonly migrations: string;
  /** Snapshots of the schema, before and after each migration. */
  readonly schemas: string;
  readonly rollback: string;
  readonly tests: string;
  /** The history for people. */
  readonly record: string;
}

export function layoutOf(directory: string): Layout {
  return {
    migrations: join(directory, 'migrations'),
    schemas: join(directory, 'schemas'),
    rollback: join(directory, 'rollback'),
    tests: join(directory, 'tests'),
    record: join(directory, 'docs', 'MIGRATIONS.md'),
  };
}

/** @throws FerryError `config-invalid` when there is no such folder, or a file of it is no text. */
export async function readMigrations({ migrations }: Layout): Promise<MigrationSet> {
  const names = await readdir(migrations).catch((cause: NodeJS.ErrnoException) => {
    throw new FerryError('config-invalid', `cannot read ${migrations}: ${cause.code}`, {
      remedy: 'Name the folder that holds migrations/ with --dir; `ferry db new` makes one.',
      cause,
    });
  });
  const scripts = names.filter((name) => name.endsWith('.sql'));
  return migrationSet(
    await Promise.all(scripts.map(async (file) => ({ file, bytes: await readFile(join(migrations, file)) }))),
  );
}
