import type { ErrorCode } from './errors.js';

export type ServiceName = 'capture' | 'transform' | 'apply' | 'control';

/** starting: not connected yet; running: does its work; retrying: waits after an error; halted: needs the operator. */
export type ServiceState = 'starting' | 'running' | 'retrying' | 'halted' | 'stopped';

/** What a service says of itself, each second, in the control topic under `service/<name>/<instance>`. */
export interface ServiceReport {
  readonly service: ServiceName;
  readonly instance: string;
  /** ISO 8601, the service's clock. A report older than a few seconds speaks of a process that is gone. */
  readonly at: string;
  readonly state: ServiceState;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly remedy: string;
    readonly since: string;
  };
  /** http://host:port of its metrics and health. */
  readonly http?: string;
  /** Row changes a second over the last seconds. */
  readonly rate: number;
  /** Row changes since it started. */
  readonly changes: number;
}

export const REPORT_PREFIX = 'service/';

/** A report says nothing about now once it is this old. */
export const REPORT_STALE_AFTER_MS = 5_000;

export function isFresh(report: Pick<ServiceReport, 'at'>, now: number): boolean {
  return now - Date.parse(report.at) < REPORT_STALE_AFTER_MS;
}
