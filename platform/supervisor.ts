import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../core/errors.js';
import type { ServiceName } from '../core/service-report.js';
import type { Logger } from './logger.js';
import { packageRoot } from './package-root.js';

export interface SupervisorOptions {
  readonly services: readonly ServiceName[];
  /** Configuration directory. */
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Where the services' logs go: this process's own standard error, or a file descriptor. */
  readonly stderr: 'inherit' | number;
}

const RESTART_AFTER_MS = 250;
/** A halted service is tried again slowly: what it waits for is done by a person. */
const RESTART_HALTED_AFTER_MS = 15_000;
/** A drained service ends in a moment; one that does not is ended. */
const STOP_WITHIN_MS = 20_000;

/**
 * Runs services as processes of their own, and starts again what dies: a killed one at once, a halted one after a
 * while, for what halts one service is no reason to let the source's WAL pile up for the others.
 */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  readonly #children = new Map<ServiceName, ChildProcess>();
  readonly #loops: Promise<void>[];
  readonly #stop = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#loops = options.services.map((service) => this.#keepRunning(service));
    // It may fail before it is waited for: `ended` says so then.
    for (const loop of this.#loops) loop.catch(() => {});
  }

  /**
   * Resolves when all services have stopped.
   * @throws FerryError `config-invalid` when a service refuses its configuration: the others are stopped then.
   */
  async ended(): Promise<void> {
    try {
      await Promise.all(this.#loops);
    } finally {
      await this.stop();
    }
  }

  pid(service: ServiceName): number | undefined {
    return this.#children.get(service)?.pid;
  }

  /** Lets the services drain and stop. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const child of this.#children.values()) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const child of this.#children.values()) child.kill('SIGKILL');
    }, STOP_WITHIN_MS);
    await Promise.allSettled(this.#loops);
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #keepRunning(service: ServiceName): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { code, killedBy } = await this.#run(service);
      if (signal.aborted || code === 0) return;
      if (code === 2) {
        throw new FerryError('config-invalid', `${service} refused its configuration`, {
          remedy: 'See its message above.',
        });
      }
      const pauseMs = killedBy ? RESTART_AFTER_MS : RESTART_HALTED_AFTER_MS;
      this.#options.logger.warn({ service, exitCode: code, killedBy, pauseMs }, 'service ended; starting it again');
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async #run(service: ServiceName): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
    const { config, env, stderr } = this.#options;
    const child = spawn(process.execPath, [`${packageRoot()}/bin/ferry.js`, service, '-c', config], {
      env,
      // The channel tells a service that we are gone, even when we were killed.
      stdio: ['ignore', 'ignore', stderr, 'ipc'],
      // Its own group: Ctrl-C reaches us alone, and we let it drain.
      detached: true,
    });
    this.#children.set(service, child);
    try {
      return await new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, killedBy) => resolve({ code, killedBy }));
      });
    } finally {
      this.#children.delete(service);
    }
  }
}
