import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedServer, startEmbeddedPostgres } from '../../platform/embedded-server.js';

export interface OwnServer {
  readonly url: string;
  /** Ends the server, by SIGKILL when it is to crash, and starts it again: same data, same URL. */
  restart(options: { crash: boolean }): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** An embedded server for a single test, which may do with it what the shared ones could not bear. */
export async function ownServer(flags: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-postgres-'));
  const start = (port?: number) => startEmbeddedPostgres({ directory, port, flags });
  let server: EmbeddedServer = await start();
  return {
    url: server.url,
    async restart({ crash }) {
      if (crash) process.kill(server.pid, 'SIGKILL');
      await server.stop();
      server = await start(server.port);
    },
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
