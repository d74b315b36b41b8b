import type { Client } from 'pg';
import { connect, type Side } from '../../platform/postgres.js';
import { type CliResult, FerryProcess, runFerry, testEnvironment } from './cli.js';

export interface ReadyMoveOptions {
  /** A ready pipeline: the name of a directory in config/. */
  readonly pipeline: string;
  /** Superuser URLs of servers that have what its databases need. */
  readonly servers: { readonly sourceServer: string; readonly targetServer: string };
  /** Of the old project, about. */
  readonly rows: number;
  /** The application's transactions a second. */
  readonly rate: number;
}

/** What `ferry demo --json` says at its end. */
export interface MoveReport {
  readonly ok: boolean;
  readonly tables: readonly { readonly source: string; readonly target: string; readonly equal: boolean }[];
  readonly application: {
    readonly lost: number;
    readonly failed: number;
    readonly writesOnSource: number;
    readonly writesOnTarget: number;
    readonly errors: Readonly<Record<string, number>>;
  };
}

const MOVE_TIMEOUT_MS = 110_000;
/** Behind the environment, which it prints line by line. */
const IS_KEPT = /^ *npx ferry status -c /m;

/**
 * A ready pipeline's whole move by `ferry demo --keep`: its old project with the fixture's rows, an application that
 * writes to it, the four services, verification, cutover. The application then goes on in the new project, and
 * everything stays as it is until {@link end}.
 */
export class ReadyMove implements AsyncDisposable {
  readonly #demo: FerryProcess;
  readonly #env: NodeJS.ProcessEnv;
  /** The old project, which is fenced. Both sessions are the owner's, with pinned settings: values are text. */
  readonly source: Client;
  /** The new project, which serves. */
  readonly target: Client;

  private constructor(demo: FerryProcess, env: NodeJS.ProcessEnv, sessions: Readonly<Record<Side, Client>>) {
    this.#demo = demo;
    this.#env = env;
    this.source = sessions.source;
    this.target = sessions.target;
  }

  /** Moves it. @throws Error with what the demo said when it did not come to its end. */
  static async run({ pipeline, servers, rows, rate }: ReadyMoveOptions): Promise<ReadyMove> {
    const size = ['--rows', String(rows), '--rate', String(rate)];
    const given = ['--source-server', servers.sourceServer, '--target-server', servers.targetServer];
    const args = ['demo', '--json', '--keep', '--pipeline', pipeline, ...size, ...given];
    const demo = new FerryProcess(args, testEnvironment());
    try {
      await Promise.race([demo.said(IS_KEPT, MOVE_TIMEOUT_MS), demo.ended]);
      if (!IS_KEPT.test(demo.stderr)) throw new Error(`ferry demo ended: ${demo.stderr.slice(-3_000)}`);
      const shown = exportsOf(demo.stderr);
      const env = testEnvironment({
        ...shown,
        SOURCE_URL: databaseIn(servers.sourceServer, shown.SOURCE_URL!),
        TARGET_URL: databaseIn(servers.targetServer, shown.TARGET_URL!),
      });
      const open = (side: Side, url: string) => connect(side, url, { applicationName: 'ferry-test' });
      const source = await open('source', env.SOURCE_URL!);
      const target = await open('target', env.TARGET_URL!);
      return new ReadyMove(demo, env, { source, target });
    } catch (error) {
      await demo.stop();
      throw error;
    }
  }

  /** What the demo has said of the move so far: checks, copied tables, steps of the cutover. */
  get said(): string {
    return this.#demo.stderr;
  }

  /** `ferry ...` on its databases, while they are there. */
  ferry(...args: readonly string[]): Promise<CliResult> {
    return runFerry(args, this.#env);
  }

  /** Lets the application finish and look for its writes, as Ctrl-C does; the databases are gone then. */
  async end(): Promise<{ readonly code: number | null; readonly report: MoveReport }> {
    await this.#disconnect();
    this.#demo.signal('SIGINT');
    const { code, json } = await this.#demo.ended;
    return { code, report: json<MoveReport>() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
    await this.#demo.stop();
  }

  async #disconnect(): Promise<void> {
    await Promise.all([this.source.end(), this.target.end()]).catch(() => {});
  }
}

/** The lines `export NAME='value'` that the demo prints for other shells. */
function exportsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^ *export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name!, value!]));
}

/** The demo does not print the password of a server that it was given. */
function databaseIn(server: string, shown: string): string {
  const url = new URL(server);
  url.pathname = new URL(shown).pathname;
  return url.href;
}
