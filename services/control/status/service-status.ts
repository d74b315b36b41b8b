import { hasEnded, isWorking, type ServiceName, type ServiceReport } from '../../../core/service-report.js';
import type { ServiceStatus } from './pipeline-status.js';

export const unknownService = (service: ServiceName): ServiceStatus => ({
  service,
  state: 'unknown',
  instances: 0,
  rate: null,
  http: null,
  error: null,
});

/**
 * One service's status from the reports of all its processes, those that are gone among them. Of several that work it
 * says the worst, and how fast they are together.
 * @param now milliseconds since 1970.
 */
export function serviceStatus(service: ServiceName, reports: readonly ServiceReport[], now: number): ServiceStatus {
  const own = reports
    .filter((report) => report.service === service)
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  const newest = own[0];
  if (!newest) return unknownService(service);
  const working = own.filter((report) => isWorking(report, now));
  if (working.length === 0) {
    // Halted and stopped stay true after the process is gone; of the others nothing is known then.
    const state = hasEnded(newest) ? newest.state : 'unknown';
    return { ...unknownService(service), state, error: newest.error ?? null };
  }
  const worst = WORST_FIRST.map((state) => working.find((report) => report.state === state)).find(Boolean)!;
  return {
    service,
    state: worst.state,
    instances: working.length,
    rate: working.reduce((sum, { rate }) => sum + rate, 0),
    http: worst.http ?? null,
    error: worst.state === 'running' ? null : (worst.error ?? null),
    ...partsOf(working),
  };
}

const WORST_FIRST = ['halted', 'retrying', 'starting', 'running'] as const;

function partsOf(working: readonly ServiceReport[]): Pick<ServiceStatus, 'parts'> {
  const parts = working.flatMap((report) => report.parts ?? []);
  return parts.length > 0 ? { parts } : {};
}
