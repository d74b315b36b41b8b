import { isWorking, REPORT_PREFIX, type ServiceName, type ServiceReport } from '../../../core/service-report.js';
import type { EventLog } from '../../../platform/event-log/port.js';

/** What every instance has said of itself last, those that are long gone among them. */
export async function readReports(log: EventLog): Promise<ServiceReport[]> {
  return [...(await log.control.entries(REPORT_PREFIX)).values()] as ServiceReport[];
}

/** Services of which an instance says now that it is at work. */
export async function readWorking(log: EventLog): Promise<Set<ServiceName>> {
  const now = Date.now();
  const working = (await readReports(log)).filter((report) => isWorking(report, now));
  return new Set(working.map(({ service }) => service));
}
