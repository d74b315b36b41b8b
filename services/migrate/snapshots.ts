import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FerryError } from '../../core/errors.js';
import { type Dumper, SCHEMA_ARGUMENTS } from '../../platform/pg-dump.js';
import { keep, keepFile } from './kept-file.js';
import type { Layout } from './layout.js';
import type { Migration } from './migration-set.js';

export type SnapshotMoment = 'before' | 'after';

/** `v0.7.0_20251026211500.sql`, and `..._after.sql`. */
export function snapshotName(
  { version, release }: Pick<Migration, 'version' | 'release'>,
  moment: SnapshotMoment,
): string {
  const prefix = release === undefined ? '' : `v${release}_`;
  return `${prefix}${version}${moment === 'after' ? '_after' : ''}.sql`;
}

/** The schema of a database, kept as files. */
export class Snapshots {
  readonly #layout: Layout;
  readonly #dumper: Dumper;
  /** What the last dump said, while nothing has changed since. */
  #last: string | undefined;

  constructor(layout: Layout, dumper: Dumper) {
    this.#layout = layout;
    this.#dumper = dumper;
  }

  /** The schema as it is now. */
  read(): Promise<string> {
    return this.#dumper.dump(SCHEMA_ARGUMENTS);
  }

  /** To be called in the order of things: what comes after one migration is what was before the next. @returns the dump. */
  async before(migration: Migration): Promise<string> {
    const dump = this.#last ?? (await this.read());
    this.#last = undefined;
    await keep(join(this.#layout.schemas, snapshotName(migration, 'before')), dump);
    // Of an earlier time; while there is none, the migration counts as unfinished.
    await rm(join(this.#layout.schemas, snapshotName(migration, 'after')), { force: true });
    return dump;
  }

  /** @param dump what {@link read} gave since. */
  async after(migration: Migration, dump: string): Promise<void> {
    this.#last = dump;
    await keep(join(this.#layout.schemas, snapshotName(migration, 'after')), dump);
  }

  /** The state that a rollback gives up: its schema, and the rows of tables that it drops. @returns the paths. */
  async backUp(name: string, tables: readonly string[]): Promise<string[]> {
    const schema = await keep(join(this.#layout.schemas, `${name}.sql`), await this.read());
    if (tables.length === 0) return [schema];
    const rows = join(this.#layout.schemas, `${name}_data.sql`);
    const args = ['--data-only', ...tables.map((table) => `--table=${table}`)];
    return [schema, await keepFile(rows, (unfinished) => this.#dumper.dumpInto(unfinished, args))];
  }
}

/** @throws FerryError `usage` where none are taken. */
export function takenSnapshots(snapshots: Snapshots | undefined): Snapshots {
  if (snapshots) return snapshots;
  throw new FerryError('usage', 'no snapshot is taken that could be gone back to', {
    remedy: 'Leave --no-pg-dump out.',
  });
}

/** Names of all that are kept, oldest first, without their ending. */
export async function listSnapshots({ schemas }: Layout): Promise<string[]> {
  const names = await readdir(schemas).catch(() => []);
  return names
    .filter((name) => name.endsWith('.sql') && !name.endsWith('_data.sql'))
    .map((name) => basename(name, '.sql'))
    .sort();
}

const snapshotFile = ({ schemas }: Layout, name: string): string => join(schemas, `${basename(name, '.sql')}.sql`);

export const hasSnapshot = (layout: Layout, name: string): boolean => existsSync(snapshotFile(layout, name));

/** @throws FerryError `usage` when there is none of that name. */
export async function readSnapshot(layout: Layout, name: string): Promise<string> {
  const file = snapshotFile(layout, name);
  return readFile(file, 'utf8').catch(async (cause) => {
    const known = await listSnapshots(layout);
    throw new FerryError('usage', `there is no snapshot ${file}`, {
      remedy: `Name one of: ${known.join(', ') || 'there are none'}.`,
      cause,
    });
  });
}
