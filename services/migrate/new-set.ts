import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FerryError } from '../../core/errors.js';
import { compareReleases, compareVersions, parseRelease } from './file-name.js';
import { type Layout, readMigrations } from './layout.js';
import type { MigrationSet } from './migration-set.js';

export interface NewSet {
  readonly version: string;
  /** Paths of the files that were written. */
  readonly files: readonly string[];
}

/**
 * Writes an empty migration, the script that undoes it, and, where its release has none yet, a smoke test.
 * @param name `add collaboration`
 * @param now gives the version: it is in UTC, as Supabase has it.
 * @throws FerryError `usage` when the name or the release does not do.
 */
export async function newSet(
  layout: Layout,
  { name, release, now }: { readonly name: string; readonly release?: string; readonly now: Date },
): Promise<NewSet> {
  await mkdir(layout.migrations, { recursive: true });
  const set = await readMigrations(layout);
  const described = describedAs(name);
  const parsed = release === undefined ? undefined : checkedRelease(set, release);
  const version = nextVersion(set, now);
  const prefix = parsed ? `v${parsed.replaceAll('.', '_')}_` : '';
  const up = join(layout.migrations, `${version}_${prefix}${described}.sql`);
  const files = [
    [up, UP],
    [join(layout.rollback, `${version}_rollback.sql`), rollbackText(`${version}_${prefix}${described}.sql`)],
    ...(parsed ? [[join(layout.tests, `v${parsed}_smoke_test.sql`), testText(parsed)]] : []),
  ] as [string, string][];
  const written: string[] = [];
  for (const [path, text] of files) {
    await mkdir(dirname(path), { recursive: true });
    if (await writeNew(path, text)) written.push(path);
  }
  return { version, files: written };
}

function describedAs(name: string): string {
  const described = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  if (described === '' || /^v\d+_\d+_\d+/.test(described)) {
    throw new FerryError('usage', `${JSON.stringify(name)} does not describe a migration`, {
      remedy: 'Say what it does, in letters and digits: ferry db new "add collaboration" --version 0.8.0',
    });
  }
  return described;
}

function checkedRelease({ migrations }: MigrationSet, text: string): string {
  const release = parseRelease(text);
  if (release === undefined) throw new FerryError('usage', `--version ${text}: not a release such as 0.8.0`);
  const above = migrations.find((one) => one.release !== undefined && compareReleases(one.release, release) > 0);
  if (above) {
    throw new FerryError('usage', `--version ${text} is below ${above.release} of ${above.file}`, {
      remedy: 'Releases rise with the versions: give one that is not below.',
    });
  }
  return release;
}

/** The time, or the number that follows where the set counts so; always above what is there. */
function nextVersion({ migrations }: MigrationSet, now: Date): string {
  const last = migrations.at(-1)?.version;
  if (last !== undefined && last.length < 8) return String(BigInt(last) + 1n).padStart(last.length, '0');
  const time = now.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  if (last === undefined || compareVersions(last, time) < 0) return time;
  return String(BigInt(last) + 1n);
}

async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Has no statement: `ferry db migrate` refuses it until it has. */
const UP = `-- Runs in one transaction. A statement that cannot, such as CREATE INDEX CONCURRENTLY, takes a file of its own that has
-- a line of its own with: -- ferry: no-transaction
`;

const rollbackText = (file: string): string => `-- Undoes ${file}.
`;

const testText = (
  release: string,
): string => `-- Smoke test of ${release}. Each statement runs by itself, and all is rolled back.
-- A column of type boolean is an assertion, named by its column:
SELECT pg_catalog.to_regclass('public.schema_migrations') IS NOT NULL AS "the history is there";
`;
