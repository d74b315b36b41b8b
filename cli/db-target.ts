import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type pg from 'pg';
import { FerryError } from '../core/errors.js';
import { findDumper } from '../platform/pg-dump.js';
import { classify, connect, describeUrl } from '../platform/postgres.js';
import type { Operator } from '../services/migrate/adapters/history.js';
import { readMajorVersion } from '../services/migrate/adapters/read-inventory.js';
import { type Layout, layoutOf, readMigrations } from '../services/migrate/layout.js';
import type { MigrationSet } from '../services/migrate/migration-set.js';
import { SESSION_SETTINGS } from '../services/migrate/session-settings.js';
import { Snapshots } from '../services/migrate/snapshots.js';

/** Of every command that works on a folder of migrations. */
export interface FolderFlags {
  readonly dir?: string;
  readonly json?: true;
}

/** Of every command that works on a database, too. */
export interface DatabaseFlags extends FolderFlags {
  readonly url?: string;
  readonly config?: string;
}

export function folderCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      '--dir <folder>',
      "folder that holds migrations/ (default: with -c the pipeline's target/, supabase where it does, else this one)",
    )
    .exitOverride()
    .showHelpAfterError('(see --help)');
}

export function databaseCommand(name: string, description: string): Command {
  return folderCommand(name, description)
    .addOption(new Option('--url <url>', 'the database').env('DATABASE_URL'))
    .option('-c, --config <dir>', "directory that holds pipeline.yaml: the pipeline's target is the database");
}

export function chosenLayout({ dir, config }: DatabaseFlags): Layout {
  const known = [...(config === undefined ? [] : [join(config, 'target')]), 'supabase'];
  return layoutOf(dir ?? known.find((folder) => existsSync(join(folder, 'migrations'))) ?? '.');
}

/** @throws FerryError `usage` when no database is named. */
export async function databaseUrl({ url, config }: DatabaseFlags): Promise<string> {
  if (config !== undefined) {
    // Here alone: reading pipelines takes longer to load than all else that these commands do.
    const { loadPipeline } = await import('../platform/load-pipeline.js');
    return (await loadPipeline(config)).target.url;
  }
  if (url) return url;
  throw new FerryError('usage', 'which database?', {
    remedy: 'Give --url, or DATABASE_URL in the environment, or -c.',
  });
}

/** Works with a session as a file of migrations expects it: with the settings of the database and the role. */
export async function withDatabase<T>(name: string, url: string, work: (session: pg.Client) => Promise<T>): Promise<T> {
  const session = await connect('target', url, { applicationName: `ferry db ${name}`, settings: SESSION_SETTINGS });
  try {
    return await work(session);
  } catch (error) {
    const known = classify('target', error, `the database ${describeUrl(url)}`);
    if (known === error || known.code !== 'privilege-missing') throw known;
    throw new FerryError(known.code, known.message, { remedy: AS_OWNER, cause: error });
  } finally {
    await session.end().catch(() => {});
  }
}

/** A database, and the folder of migrations that is its own. */
export interface Folder {
  readonly layout: Layout;
  readonly set: MigrationSet;
  readonly url: string;
}

/** Works on the database that the flags name, with the migrations that they name. */
export async function withMigrations<T>(
  name: string,
  flags: DatabaseFlags,
  work: (session: pg.Client, folder: Folder) => Promise<T>,
): Promise<T> {
  const layout = chosenLayout(flags);
  const set = await readMigrations(layout);
  const url = await databaseUrl(flags);
  return withDatabase(name, url, (session) => work(session, { layout, set, url }));
}

const AS_OWNER = 'Run it as the owner of public.schema_migrations, and of what the files change.';

/** Of every command that takes snapshots. */
export interface SnapshotFlags {
  readonly pgDump?: boolean;
}

export const snapshotOption = (): Option => new Option('--no-pg-dump', 'keep no snapshots of the schema');

/** @returns undefined with --no-pg-dump. @throws FerryError `not-ready` when no pg_dump fits the server. */
export async function openSnapshots(
  session: pg.Client,
  { layout, url }: Pick<Folder, 'layout' | 'url'>,
  { pgDump }: SnapshotFlags,
): Promise<Snapshots | undefined> {
  if (pgDump === false) return undefined;
  return new Snapshots(layout, await findDumper(url, await readMajorVersion(session)));
}

/** Of every command that writes into the history. */
export interface OperatorFlags {
  readonly environment?: string;
}

export const environmentOption = (): Option =>
  new Option('--environment <name>', 'what the history calls this database (default: host and name)').env(
    'FERRY_ENVIRONMENT',
  );

export function operatorOf({ environment }: OperatorFlags, url: string): Operator {
  return { name: userName(), environment: environment ?? describeUrl(url) };
}

/** In a container there may be none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? 'unknown';
  }
}
