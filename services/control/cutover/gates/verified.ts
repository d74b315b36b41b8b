import type { TableMapping } from '../../../../core/mapping.js';
import { displayName } from '../../../../core/relation.js';
import { mappingDigest } from '../../../../platform/mapping-digest.js';
import { type RecordedVerification, readVerifications } from '../../verify/record.js';
import { pairName, pairOf } from '../../verify/table-times.js';
import type { Finding, Gate } from './gate.js';

/** What a record of verifications must show. */
export interface Wanted {
  readonly tables: readonly Pick<TableMapping, 'source' | 'target'>[];
  /** Digest of the mapping that runs. */
  readonly mapping: string;
  readonly withinMs: number;
}

/** Every table's last verification was at the mapping that runs, recent enough, and found it equal. */
export function verifiedFinding(
  records: readonly RecordedVerification[],
  { tables, mapping, withinMs }: Wanted,
): Finding {
  const found = tables.flatMap((table) => {
    const name = displayName(table.target);
    const record = records.find(({ report }) => pairName(report) === pairOf(table));
    if (!record) return [`${name} has not been verified`];
    if (record.mapping !== mapping) return [`${name} was verified at another mapping`];
    if (!record.report.equal) return [`${name} was not equal`];
    return record.ageMs > withinMs ? [`${name} was verified ${ago(record.ageMs)}`] : [];
  });
  // Tables that are merged have one target.
  const problems = [...new Set(found)];
  if (problems.length > 0) {
    const more = problems.length > MOST_NAMED ? ` and ${problems.length - MOST_NAMED} more` : '';
    return {
      isOpen: false,
      figure: `${problems.slice(0, MOST_NAMED).join(', ')}${more}`,
      remedy: 'Run `ferry verify`.',
    };
  }
  const oldest = Math.max(...records.map(({ ageMs }) => ageMs));
  return { isOpen: true, figure: `${tables.length} tables equal, the oldest ${ago(oldest)}` };
}

const MOST_NAMED = 3;

function ago(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}

export const verifiedGate: Gate = {
  name: 'verified',
  mayPass: false,
  async look({ pipeline, target, settings, ahead, live }) {
    if (live.length > 0) return { isOpen: true, figure: `${live.length} tables equal, by this cutover` };
    const finding = verifiedFinding(await readVerifications(target, pipeline), {
      tables: pipeline.tables,
      mapping: mappingDigest(pipeline),
      withinMs: settings.verifiedWithinMs,
    });
    if (finding.isOpen || !ahead.has('verify')) return finding;
    return { isOpen: true, figure: `to be verified by this cutover: ${finding.figure}` };
  },
};
