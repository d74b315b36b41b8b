import { routeName, type TableMapping } from '../../../core/mapping.js';
import { readLineagePlan } from '../../../platform/lineage-plan.js';
import { LineageSql } from '../../../platform/lineage-sql.js';
import { type Difference, MAX_NAMED_DIFFERENCES, type TableReport } from './report.js';
import type { Session } from './session.js';

/**
 * Compares the target table with the candidates that should stand in it. Apply writes both in one transaction, so one
 * query sees them agree at any moment. Rows of no candidate are told with the first of merged tables.
 */
export async function compareStanding(
  target: Session,
  mapping: TableMapping,
  report: TableReport,
): Promise<TableReport> {
  const plan = await readLineagePlan((text, values) => target.read({ text, values }), mapping);
  if (!plan) return report;
  const sql = new LineageSql(plan);
  const source = routeName(mapping);
  const [counted] = await target.read({ text: sql.counts(), values: [source] });
  const lineage = { standing: Number(counted![0]), behind: Number(counted![1]) };
  const withExtra = String(plan.sources[0] === source);
  const found = await target.read({ text: sql.differences(MAX_NAMED_DIFFERENCES), values: [source, withExtra] });
  const total = Number(found[0]?.[0] ?? 0);
  const named = found.map(([, kind, columns, key]): Difference => {
    const difference = {
      key: JSON.parse(key!) as string[],
      kind: kind as Difference['kind'],
      isStanding: true as const,
    };
    return kind === 'different' ? { ...difference, columns: JSON.parse(columns!) as string[] } : difference;
  });
  return {
    ...report,
    lineage,
    equal: report.equal && total === 0,
    differences: [...report.differences, ...named].slice(0, MAX_NAMED_DIFFERENCES),
    differencesTotal: report.differencesTotal + total,
  };
}
