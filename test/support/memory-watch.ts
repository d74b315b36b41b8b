import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceProcess } from './service-process.js';

/** Whether this machine says how much memory a process has. */
export const CAN_WATCH_MEMORY = existsSync('/proc/self/status');

export interface PeakMemory {
  readonly service: string;
  /** All of it, mapped files such as the embedded log's included. */
  readonly residentMb: number;
  /** The process's own: heap, buffers, stacks. */
  readonly anonymousMb: number;
}

/** Looks at the memory of services until it is stopped. */
export class MemoryWatch {
  readonly #running: Promise<void>;
  readonly #peaks = new Map<string, { resident: number; anonymous: number }>();
  #isStopped = false;

  constructor(services: readonly ServiceProcess[]) {
    this.#running = this.#look(services);
    this.#running.catch(() => {});
  }

  async stop(): Promise<PeakMemory[]> {
    this.#isStopped = true;
    await this.#running;
    return [...this.#peaks].map(([service, { resident, anonymous }]) => ({
      service,
      residentMb: Math.round(resident / 1024),
      anonymousMb: Math.round(anonymous / 1024),
    }));
  }

  async #look(services: readonly ServiceProcess[]): Promise<void> {
    // Once more after it was stopped, for the last peak.
    for (let isLast = false; !isLast; await sleep(50)) {
      isLast = this.#isStopped;
      for (const { service, pid } of services) {
        const status = await readFile(`/proc/${pid}/status`, 'utf8');
        const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
        const before = this.#peaks.get(service)?.anonymous ?? 0;
        // The kernel keeps the peak of the one, not of the other.
        this.#peaks.set(service, {
          resident: kilobytes('VmHWM'),
          anonymous: Math.max(before, kilobytes('RssAnon')),
        });
      }
    }
  }
}
