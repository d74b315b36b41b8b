import { isWorking } from '../../../../core/service-report.js';
import { mappingDigest } from '../../../../platform/mapping-digest.js';
import { readReports } from '../../status/read-reports.js';
import type { Running } from '../options.js';
import type { Finding, Gate } from './gate.js';

/** What is compared must be what runs. */
export const mappingGate: Gate = { name: 'mapping', mayPass: true, look: mappingFinding };

/** Transform, which alone maps, works with the mapping of the files. */
export async function mappingFinding({ pipeline, log }: Running): Promise<Finding> {
  const digest = mappingDigest(pipeline);
  const now = Date.now();
  const others = (await readReports(log)).filter(
    (report) =>
      report.service === 'transform' &&
      isWorking(report, now) &&
      report.mapping !== undefined &&
      report.mapping !== digest,
  );
  if (others.length === 0) return { isOpen: true, figure: digest };
  const running = [...new Set(others.map(({ mapping }) => mapping))].join(', ');
  return {
    isOpen: false,
    figure: `transform works with the mapping ${running}, the files have ${digest}`,
    remedy: 'Start transform again with the files as they are.',
  };
}
