import { hasEnded, isFresh } from '../../../../core/service-report.js';
import { mappingDigest } from '../../../../platform/mapping-digest.js';
import { readReports } from '../../status/read-reports.js';
import type { Gate } from './gate.js';

/** What is compared must be what runs: transform, which alone maps, works with the mapping of the files. */
export const mappingGate: Gate = {
  name: 'mapping',
  mayPass: true,
  async look({ pipeline, log }) {
    const digest = mappingDigest(pipeline);
    const now = Date.now();
    const others = (await readReports(log)).filter(
      (report) =>
        report.service === 'transform' &&
        isFresh(report, now) &&
        !hasEnded(report) &&
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
  },
};
