import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { TimedReport } from './record.js';
import type { TableReport } from './report.js';
import type { VerifyProgress } from './verify-tables.js';

/** Several source tables may go to one target, and one to several. */
export function pairName({ source, target }: Pick<TableReport, 'source' | 'target'>): string {
  return `${source} -> ${target}`;
}

/** The same, of a mapping. */
export function pairOf({ source, target }: Pick<TableMapping, 'source' | 'target'>): string {
  return pairName({ source: displayName(source), target: displayName(target) });
}

/** Measures how long each table takes to be compared, from the progress that is reported. */
export class TableTimes {
  readonly #startedAt = new Map<string, number>();
  readonly #ms = new Map<string, number>();

  saw({ source, target, report }: VerifyProgress): void {
    const table = pairName({ source, target });
    if (!this.#startedAt.has(table)) this.#startedAt.set(table, performance.now());
    if (report) this.#ms.set(table, Math.round(performance.now() - this.#startedAt.get(table)!));
  }

  /** @param reports of tables that are done. */
  of(reports: readonly TableReport[]): TimedReport[] {
    return reports.map((report) => ({ ...report, ms: this.#ms.get(pairName(report))! }));
  }
}
