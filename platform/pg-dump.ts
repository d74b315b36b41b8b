import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { FerryError } from '../core/errors.js';
import { libpqEnvironment } from './libpq-environment.js';
import { describeUrl } from './postgres.js';
import { tidyDump } from './tidy-dump.js';

const run = promisify(execFile);

/** A dump of any size that a schema has. */
const MAX_BYTES = 1024 * 1024 * 1024;

/** pg_dump of a version that can dump a server. */
export interface Dumper {
  /** For people: `pg_dump 17.2`, `pg_dump of Docker's postgres:17`. */
  readonly origin: string;
  /** @param args without those of the connection. @returns the dump, fit to be kept. */
  dump(args: readonly string[]): Promise<string>;
  /** A dump of any size, as it comes. */
  dumpInto(path: string, args: readonly string[]): Promise<void>;
}

/** What it is wanted for, and how one does without. */
export interface DumpPurpose {
  /** `snapshots need`. */
  readonly needs: string;
  /** `give --no-pg-dump`. */
  readonly otherwise: string;
}

export const SNAPSHOTS: DumpPurpose = { needs: 'snapshots need', otherwise: 'give --no-pg-dump' };

/**
 * Finds a pg_dump that is not older than the server: on the PATH, where Debian puts each version, in Docker.
 * @param major of the server.
 * @throws FerryError `not-ready` that says what was found.
 */
export async function findDumper(url: string, major: number, purpose: DumpPurpose = SNAPSHOTS): Promise<Dumper> {
  const found: string[] = [];
  for (const program of ['pg_dump', `/usr/lib/postgresql/${major}/bin/pg_dump`]) {
    const version = await versionOf(program);
    if (version === undefined) continue;
    if (Number.parseInt(version, 10) >= major) return localDumper(url, program, { version, purpose });
    found.push(`${program} is of version ${version}`);
  }
  const image = `postgres:${major}`;
  if (await hasImage(image)) return dockerDumper(url, image, purpose);
  throw new FerryError(
    'not-ready',
    `${purpose.needs} pg_dump of version ${major} or later, as the server is: ${found.join(', ') || 'there is none on the PATH'}`,
    {
      remedy: `Install postgresql-client-${major}, or have Docker with the image ${image} (docker pull ${image}), or ${purpose.otherwise}.`,
    },
  );
}

async function versionOf(program: string): Promise<string | undefined> {
  if (program.startsWith('/') && !existsSync(program)) return undefined;
  return run(program, ['--version']).then(
    ({ stdout }) => /\d+(\.\d+)?/.exec(stdout)?.[0],
    () => undefined,
  );
}

function hasImage(image: string): Promise<boolean> {
  return run('docker', ['image', 'inspect', image], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

function localDumper(
  url: string,
  program: string,
  { version, purpose }: { readonly version: string; readonly purpose: DumpPurpose },
): Dumper {
  const env = { ...process.env, ...libpqEnvironment(url).variables };
  return dumperOf(`pg_dump ${version}`, url, { program, before: [], env, purpose });
}

/** In the machine's own network, so that addresses mean what they mean here; values of variables are not in its arguments. */
function dockerDumper(url: string, image: string, purpose: DumpPurpose): Dumper {
  const { variables, files } = libpqEnvironment(url);
  const names = Object.keys(variables).flatMap((name) => ['--env', name]);
  const mounts = files.flatMap((file) => ['--volume', `${file}:${file}:ro`]);
  const socket = variables.PGHOST?.startsWith('/') ? ['--volume', `${variables.PGHOST}:${variables.PGHOST}`] : [];
  const before = ['run', '--rm', '--network', 'host', ...names, ...mounts, ...socket, image, 'pg_dump'];
  return dumperOf(`pg_dump of Docker's ${image}`, url, {
    program: 'docker',
    before,
    env: { ...process.env, ...variables },
    purpose,
  });
}

interface Invocation {
  readonly program: string;
  readonly before: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly purpose: DumpPurpose;
}

function dumperOf(origin: string, url: string, { program, before, env, purpose }: Invocation): Dumper {
  return {
    origin,
    async dump(args) {
      const options = { env, maxBuffer: MAX_BYTES };
      const { stdout } = await run(program, [...before, ...args], options).catch((error: { stderr?: string }) => {
        throw dumpFailed(url, error.stderr || String(error), purpose);
      });
      return tidyDump(stdout);
    },
    async dumpInto(path, args) {
      const child = spawn(program, [...before, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      const ended = once(child, 'close');
      await pipeline(child.stdout, createWriteStream(path)).catch((error: unknown) => {
        child.kill();
        throw error;
      });
      const [code] = await ended;
      if (code !== 0) throw dumpFailed(url, said, purpose);
    },
  };
}

function dumpFailed(url: string, said: string, { otherwise }: DumpPurpose): FerryError {
  return new FerryError('migration-failed', `pg_dump of ${describeUrl(url)}: ${said.trim()}`, {
    remedy: `Correct what it says, or ${otherwise}.`,
  });
}

/** The schema as it is; the history of migrations, and passwords of subscriptions, are no part of it. */
export const SCHEMA_ARGUMENTS = [
  '--schema-only',
  '--no-subscriptions',
  '--lock-wait-timeout=30s',
  '--exclude-table=public.schema_migrations',
  '--exclude-table=public.schema_migrations_log*',
] as const;
