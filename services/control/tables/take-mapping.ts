import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError } from '../../../core/errors.js';
import {
  isWorking,
  type MappingOrder,
  mappingOrderKey,
  type ServiceName,
  type ServiceReport,
} from '../../../core/service-report.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import { readReports } from '../status/read-reports.js';

/** A service reports each second, drains, and begins again. */
const TAKEN_WITHIN_MS = 30_000;

/**
 * Lets running services work with the mapping as it is on disk now, one after the other. One that does not run takes it
 * at its next start.
 * @throws FerryError `not-ready` naming the first that does not take it.
 */
export async function takeMapping(
  log: EventLog,
  pipeline: LoadedPipeline,
  services: readonly ServiceName[],
): Promise<void> {
  const digest = mappingDigest(pipeline);
  for (const service of services) {
    const order: MappingOrder = { digest, at: new Date().toISOString() };
    await log.control.put(mappingOrderKey(service), order);
    const deadline = performance.now() + TAKEN_WITHIN_MS;
    for (let behind = await working(log, service, digest); behind; behind = await working(log, service, digest)) {
      if (performance.now() > deadline) throw notTaken(behind, pipeline);
      await sleep(200);
    }
  }
}

/** An instance that works with another mapping. */
async function working(log: EventLog, service: ServiceName, digest: string): Promise<ServiceReport | undefined> {
  const now = Date.now();
  return (await readReports(log)).find(
    (report) => report.service === service && report.mapping !== digest && isWorking(report, now),
  );
}

function notTaken({ service, instance }: ServiceReport, { directory }: LoadedPipeline): FerryError {
  return new FerryError('not-ready', `${service} (${instance}) does not work with the new mapping yet`, {
    remedy: `See that its configuration has the files of ${directory}, or restart it; then run the command again.`,
  });
}
