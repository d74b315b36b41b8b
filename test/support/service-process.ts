import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceName } from '../../core/service-report.js';
import { packageRoot } from '../../platform/package-root.js';

const BIN = join(packageRoot(), 'bin', 'ferry.js');

/** A service drains within a moment; one that does not has a fault that the test shall see. */
const STOP_WITHIN_MS = 20_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * One service of a pipeline as a process of its own, `ferry <service> -c <directory>`, that a test starts, stops and
 * kills as often as it likes. What it says goes to one file.
 */
export class ServiceProcess {
  readonly service: ServiceName;
  readonly #config: string;
  readonly #stderrFile: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #isAskedToEnd = true;
  #hasEnded = true;

  constructor(service: ServiceName, options: { config: string; stderrFile: string; env: NodeJS.ProcessEnv }) {
    this.service = service;
    this.#config = options.config;
    this.#stderrFile = options.stderrFile;
    this.#env = options.env;
  }

  /** Process id of the process that runs now, or ran last. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** It ended, and nobody had asked for that. */
  get hasFailed(): boolean {
    return this.#hasEnded && !this.#isAskedToEnd;
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /** Resolves when the process of the last start has ended. */
  get ended(): Promise<Ended> {
    return this.#ended;
  }

  /** @param env beside that of all its processes. */
  start(env: NodeJS.ProcessEnv = {}): void {
    if (!this.#hasEnded) throw new Error(`${this.service} runs already`);
    const stderr = openSync(this.#stderrFile, 'a');
    const child = spawn(process.execPath, [BIN, this.service, '-c', this.#config], {
      env: { ...this.#env, ...env },
      stdio: ['ignore', 'ignore', stderr],
    });
    closeSync(stderr);
    this.#child = child;
    this.#hasEnded = false;
    this.#isAskedToEnd = false;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#hasEnded = true;
        resolve({ code, signal });
      });
    });
  }

  /** From now on it may end by itself. */
  mayEnd(): void {
    this.#isAskedToEnd = true;
  }

  /**
   * SIGTERM, as an operator ends it.
   * @throws Error when it had ended before, or does not end, or not with exit code 0.
   */
  async stop(): Promise<void> {
    if (this.hasFailed) throw new Error(`${this.service} had ended by itself: ${await this.stderrTail()}`);
    if (this.#hasEnded) return;
    this.#isAskedToEnd = true;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_WITHIN_MS);
    const { code, signal } = await this.#ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`SIGTERM ended ${this.service} with ${signal ?? code}: ${await this.stderrTail()}`);
  }

  /** SIGKILL, as a crash ends it; resolves once it is gone. Nothing to do where it does not run. */
  async kill(): Promise<void> {
    this.#isAskedToEnd = true;
    if (!this.#hasEnded) this.signal('SIGKILL');
    await this.#ended;
  }

  /**
   * Where it serves its metrics and health, as its log says; of the process that was started last.
   * @throws Error while it has not said so.
   */
  async http(): Promise<string> {
    const said = [...(await this.stderr()).matchAll(/"http":"(http:[^"]+)","msg":"service started"/g)];
    const url = said.at(-1)?.[1];
    if (!url) throw new Error(`${this.service} has not started`);
    return url;
  }

  signal(name: NodeJS.Signals): void {
    this.#child!.kill(name);
  }

  /** All that its processes have said. */
  stderr(): Promise<string> {
    return readFile(this.#stderrFile, 'utf8').catch(() => '');
  }

  async stderrTail(): Promise<string> {
    return (await this.stderr()).slice(-2_000);
  }
}
