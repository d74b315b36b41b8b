import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddedServer, startEmbeddedPostgres } from '../../platform/embedded-server.js';
import { freePort } from './free-port.js';

export interface OwnServer {
  readonly url: string;
  /** Has `data`, the cluster, and `password`. */
  readonly directory: string;
  /** Ends the server, by SIGKILL when it is to crash; its data stays. */
  down(options: { crash: boolean }): Promise<void>;
  /** Starts it again: same data, same URL. */
  up(): Promise<void>;
  /** Down and up. */
  restart(options: { crash: boolean }): Promise<void>;
  /** All its processes stand still: connections stay open, and nobody answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/**
 * An embedded server for a single test, which may do with it what the shared ones could not bear.
 * @param programs of another version than the package's.
 */
export async function ownServer(flags: Readonly<Record<string, string>> = {}, programs?: string): Promise<OwnServer> {
  return serverOn(await mkdtemp(join(tmpdir(), 'ferry-test-postgres-')), flags, programs);
}

/** A server on a directory that may have a cluster already. */
export async function serverOn(
  directory: string,
  flags: Readonly<Record<string, string>>,
  programs?: string,
): Promise<OwnServer> {
  const start = (port?: number) => startEmbeddedPostgres({ directory, port, flags, ...(programs ? { programs } : {}) });
  // It keeps its port while it is down, when others look for one.
  let server: EmbeddedServer = await start(await freePort());
  const down = async ({ crash }: { crash: boolean }) => {
    if (crash) process.kill(server.pid, 'SIGKILL');
    await server.stop();
  };
  const up = async () => {
    server = await start(server.port);
  };
  const signal = async (name: NodeJS.Signals) => {
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(server.pid)]);
    for (const pid of [server.pid, ...stdout.trim().split('\n').map(Number)]) signalIfThere(pid, name);
  };
  return {
    url: server.url,
    directory,
    down,
    up,
    async restart(options) {
      await down(options);
      await up();
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A session may have ended since it was listed. */
function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}
