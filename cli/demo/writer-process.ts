import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FerryError } from '../../core/errors.js';
import { packageRoot } from '../../platform/package-root.js';

/** What the application says of itself each second. */
export interface WriterLine {
  readonly committed: number;
  readonly refused: number;
  readonly side: 'source' | 'target';
  readonly writesOnSource: number;
  readonly writesOnTarget: number;
}

/** What it says at its end, after it has looked for every write that it was told of. */
export interface WriterEnd extends WriterLine {
  readonly done: true;
  readonly failed: number;
  readonly unknown: number;
  /** Acknowledged writes that the serving project does not have. */
  readonly lost: number;
  /** From its first refused write to the next accepted one, in ms. */
  readonly pauseMs: number;
  /** The same, of those that a write in a project ended. */
  readonly pauseMsInto: Readonly<Record<'source' | 'target', number>>;
  readonly audit: { readonly ok: boolean };
}

/** The demo's application, a process of its own. */
export class WriterProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  line: WriterLine | undefined;
  #end: WriterEnd | undefined;

  constructor(env: NodeJS.ProcessEnv, stderr: number) {
    this.#child = spawn(process.execPath, [`${packageRoot()}/dist/services/demo/writer-main.js`], {
      env,
      stdio: ['ignore', 'pipe', stderr],
      // Ctrl-C reaches us alone; we stop it in its turn.
      detached: true,
    });
    createInterface({ input: this.#child.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as WriterLine | WriterEnd;
      if ('done' in line) this.#end = line;
      this.line = line;
    });
    this.#exited = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** Lets it finish what is under way and check its writes. */
  async stop(): Promise<WriterEnd> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    await this.#exited;
    if (!this.#end) {
      throw new FerryError(
        'internal',
        `the demo's application ended without a word (exit code ${this.#child.exitCode})`,
        {
          remedy: 'Its messages stand in the log named above.',
        },
      );
    }
    return this.#end;
  }

  /** Ends it without asking. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
