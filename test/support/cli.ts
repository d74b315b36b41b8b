import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../platform/package-root.js';
import { eventually } from './eventually.js';

/** How a command ended, and all that it said. */
export interface CliResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The object on the last line of standard output. */
  json<T = Record<string, unknown>>(): T;
}

/** The error that --json prints. */
export interface CliError {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
}

const BIN = join(packageRoot(), 'bin', 'ferry.js');

/** Longer than any command may take here. */
const TIMEOUT_MS = 100_000;

/** `ferry ...` as a process of its own, which the test may watch, signal and wait for. */
export class FerryProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout = '';
  stderr = '';

  /** @param env the whole environment; see {@link testEnvironment}. */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    // Not before its output is read to the end, which a child of its own may hold open.
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const drained = new Promise((resolve) => child.once('close', resolve));
    this.ended = exited.then(async (code) => {
      await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 500))]);
      const { stdout, stderr } = this;
      return { code, stdout, stderr, json: <T>() => lastObject(stdout, stderr) as T };
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves once standard error has matched. */
  async said(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    await eventually(() => pattern.test(this.stderr), { what: String(pattern), timeoutMs }).catch((cause) => {
      throw new Error(`${(cause as Error).message}; it said: ${this.stderr.slice(-3_000)}`, { cause });
    });
  }

  /** Ends it as an operator would, or at once when that does not help. */
  async stop(): Promise<CliResult> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), 30_000);
    return this.ended.finally(() => clearTimeout(timer));
  }
}

/** Runs a command to its end. */
export async function runFerry(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CliResult> {
  const running = new FerryProcess(args, env);
  const timer = setTimeout(() => running.signal('SIGKILL'), TIMEOUT_MS);
  return running.ended.finally(() => clearTimeout(timer));
}

/** What would lead a command elsewhere, or let it in. */
const LEADING = /^(SOURCE_URL|TARGET_URL|KAFKA_\w+|PG\w+|FERRY_(LOG_DIR|PIPELINE|LOG_LEVEL))$/;

/** This process's environment without that. */
export function testEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !LEADING.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

function lastObject(stdout: string, stderr: string): unknown {
  const line = stdout.trimEnd().split('\n').at(-1)!;
  const value: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
  if (value === undefined) throw new Error(`the last line is no JSON object: ${line}\n${stderr.slice(-1_000)}`);
  return value;
}
