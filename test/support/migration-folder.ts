import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { vi } from 'vitest';
import { main } from '../../cli/ferry.js';
import { connect } from '../../platform/postgres.js';
import { type CliResult, FerryProcess, testEnvironment } from './cli.js';
import { freshDatabase } from './postgres.js';

/** A folder of migrations and an empty database for them, gone at the end of its scope. */
export interface MigrationFolder extends AsyncDisposable {
  readonly directory: string;
  readonly url: string;
  readonly database: pg.Client;
  /** Writes files by their paths in the folder, such as `migrations/001_a.sql`. */
  write(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  read(path: string): Promise<string>;
  has(path: string): boolean;
  /** `ferry db ARGUMENTS --json`, in this process: one at a time. */
  db(...args: string[]): Promise<CliResult>;
  /** `ferry db migrate`, without snapshots. */
  migrate(...args: string[]): Promise<CliResult>;
  /** As {@link migrate}, in a process of its own. */
  start(...args: string[]): FerryProcess;
  /** First column of the rows. */
  values(sql: string): Promise<(string | null)[]>;
}

export async function migrationFolder(
  serverUrl: string,
  files: Readonly<Record<string, string | Buffer>> = {},
): Promise<MigrationFolder> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-migrations-'));
  const fresh = await freshDatabase(serverUrl, 'migrate');
  const database = await connect('target', fresh.url, { applicationName: 'ferry-test' });
  const write: MigrationFolder['write'] = async (all) => {
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
  };
  await write(files);
  const args = (own: string[]) => ['db', ...own, '--dir', directory, '--json'];
  const environment = testEnvironment({ DATABASE_URL: fresh.url });
  return {
    directory,
    url: fresh.url,
    database,
    write,
    read: (path) => readFile(join(directory, path), 'utf8'),
    has: (path) => existsSync(join(directory, path)),
    db: (...own) => runHere(args(own), fresh.url),
    migrate: (...own) => runHere(args(['migrate', '--no-pg-dump', ...own]), fresh.url),
    start: (...own) => new FerryProcess(args(['migrate', '--no-pg-dump', ...own]), environment),
    values: async (sql) => {
      const { rows } = await database.query<Record<string, string | null>>(sql);
      return rows.map((row) => Object.values(row)[0]!);
    },
    async [Symbol.asyncDispose]() {
      await database.end().catch(() => {});
      await fresh.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Starting a process takes ten times as long as the command. */
async function runHere(args: readonly string[], url: string): Promise<CliResult> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += chunk;
      return true;
    }),
  );
  vi.stubEnv('DATABASE_URL', url);
  vi.stubEnv('FERRY_LOG_LEVEL', 'silent');
  process.exitCode = 0;
  try {
    await main(['node', 'ferry', ...args]);
    const { stdout, stderr } = said;
    return {
      code: Number(process.exitCode),
      stdout,
      stderr,
      json: <T>() => JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T,
    };
  } finally {
    process.exitCode = 0;
    vi.unstubAllEnvs();
    for (const spy of spies) spy.mockRestore();
  }
}
