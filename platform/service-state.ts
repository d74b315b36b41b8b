import { hostname } from 'node:os';
import type { FerryError } from '../core/errors.js';
import {
  type Attention,
  effectiveState,
  REPORT_PREFIX,
  type ServiceName,
  type ServiceReport,
  type ServiceState,
  type StandingPart,
} from '../core/service-report.js';
import type { Metrics } from './metrics.js';

/** A part of a service's work that fails and is tried again on its own, while the others go on. */
export interface ServicePart {
  /** It does its work. Cheap: said again after every batch. */
  running(): void;
  /** It waits after an error: until it is tried again, `retrying`, or needs the operator besides, `halted`. */
  waits(error: FerryError, options: { readonly state: 'retrying' | 'halted'; readonly forMs: number }): void;
  /** It is no longer ours. */
  ended(): void;
}

/** What a service says of itself. */
export class ServiceStatus {
  readonly #service: ServiceName;
  readonly #metrics: Metrics;
  readonly #instance = `${hostname()}:${process.pid}`;
  readonly #parts = new Map<string, StandingPart>();
  #state: ServiceState = 'starting';
  #error: Attention | undefined;
  #runningUntil = 0;
  #changes = 0;
  #reported = { changes: 0, at: performance.now() };
  /** It has done its work since it was started. */
  hasWorked = false;

  constructor(service: ServiceName, metrics: Metrics) {
    this.#service = service;
    this.#metrics = metrics;
  }

  readonly hooks = {
    running: ({ forMs = Number.POSITIVE_INFINITY }: { readonly forMs?: number } = {}) => {
      this.#state = 'running';
      this.hasWorked = true;
      this.#error = undefined;
      this.#runningUntil = performance.now() + forMs;
    },
    passed: (changes: number) => {
      this.#changes += changes;
      this.#metrics.changes.inc(changes);
    },
    part: (name: string): ServicePart => ({
      running: () => {
        this.#parts.delete(name);
      },
      waits: (error, { state, forMs }) => {
        this.#metrics.errors.inc({ code: error.code });
        this.#parts.set(name, { part: name, state, error: attention(error, this.#parts.get(name)?.error, forMs) });
      },
      ended: () => {
        this.#parts.delete(name);
      },
    }),
  };

  /** The process works, or will again by itself. */
  get isAlive(): boolean {
    return this.#state !== 'halted';
  }

  get isReady(): boolean {
    return this.#state === 'running' && this.#parts.size === 0 && performance.now() < this.#runningUntil;
  }

  get key(): string {
    return `${REPORT_PREFIX}${this.#service}/${this.#instance}`;
  }

  /** @param forMs until the next attempt; undefined when there is none. */
  failed(error: FerryError, state: 'retrying' | 'halted', forMs?: number): void {
    this.#state = state;
    this.#error = attention(error, this.#error, forMs);
    this.#metrics.errors.inc({ code: error.code });
  }

  stopped(): void {
    this.#state = 'stopped';
  }

  report(http: string, mapping: string): ServiceReport {
    const at = performance.now();
    const seconds = Math.max(0.001, (at - this.#reported.at) / 1_000);
    const rate = Math.round((this.#changes - this.#reported.changes) / seconds);
    this.#reported = { changes: this.#changes, at };
    const parts = this.#state === 'running' ? [...this.#parts.values()] : [];
    const { state, error } = effectiveState(this.#state, this.#error, parts);
    return {
      service: this.#service,
      instance: this.#instance,
      at: new Date().toISOString(),
      state,
      ...(error ? { error } : {}),
      ...(parts.length > 0 ? { parts } : {}),
      mapping,
      http,
      rate,
      changes: this.#changes,
    };
  }
}

function attention(error: FerryError, before: Attention | undefined, forMs: number | undefined): Attention {
  const { code, message, remedy } = error;
  const isSame = before?.code === code && before.message === message;
  const now = Date.now();
  return {
    code,
    message,
    remedy,
    since: isSame ? before.since : new Date(now).toISOString(),
    ...(forMs === undefined ? {} : { nextAttempt: new Date(now + forMs).toISOString() }),
  };
}
