import type { ErrorCode } from './errors.js';

export type ServiceName = 'capture' | 'transform' | 'apply' | 'control';

/** starting: not connected yet; running: does its work; retrying: waits after an error; halted: needs the operator. */
export type ServiceState = 'starting' | 'running' | 'retrying' | 'halted' | 'stopped';

/** An error that somebody should know of. */
export interface Attention {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly since: string;
  /** When it is tried again; absent when it is not. */
  readonly nextAttempt?: string;
}

export interface StandingPart {
  readonly part: string;
  readonly state: 'retrying' | 'halted';
  readonly error: Attention;
}

/** What a service says of itself, each second, in the control topic under `service/<name>/<instance>`. */
export interface ServiceReport {
  readonly service: ServiceName;
  readonly instance: string;
  /** ISO 8601, the service's clock. A report older than a few seconds speaks of a process that is gone. */
  readonly at: string;
  readonly state: ServiceState;
  readonly error?: Attention;
  /** Parts of its work that wait after an error, while the process goes on: topic partitions. */
  readonly parts?: readonly StandingPart[];
  /** Digest of the mapping that it works with; absent from an earlier version. */
  readonly mapping?: string;
  /** http://host:port of its metrics and health. */
  readonly http?: string;
  /** Row changes a second over the last seconds. */
  readonly rate: number;
  /** Row changes since it started. */
  readonly changes: number;
}

export const REPORT_PREFIX = 'service/';

/** An order to a service, in the control topic: to work with the mapping of that digest. */
export interface MappingOrder {
  readonly digest: string;
  /** ISO 8601. */
  readonly at: string;
}

export const mappingOrderKey = (service: ServiceName): string => `order/mapping/${service}`;

/** A report says nothing about now once it is this old. */
export const REPORT_STALE_AFTER_MS = 5_000;

function isFresh(report: Pick<ServiceReport, 'at'>, now: number): boolean {
  return now - Date.parse(report.at) < REPORT_STALE_AFTER_MS;
}

/** A service with a part that stands still does not run as it should: it says the worst, and why. */
export function effectiveState(
  state: ServiceState,
  error: Attention | undefined,
  parts: readonly StandingPart[],
): { readonly state: ServiceState; readonly error: Attention | undefined } {
  return state === 'running'
    ? (parts.find((part) => part.state === 'halted') ?? parts[0] ?? { state, error })
    : { state, error };
}

/** The process does not work any more. One of which a part has halted goes on with the others. */
export function hasEnded({ state, parts }: Pick<ServiceReport, 'state' | 'parts'>): boolean {
  return state === 'stopped' || (state === 'halted' && !parts);
}

/** Says now that it is at work. */
export function isWorking(report: Pick<ServiceReport, 'at' | 'state' | 'parts'>, now: number): boolean {
  return isFresh(report, now) && !hasEnded(report);
}
