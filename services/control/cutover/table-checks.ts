import type { ClientBase } from 'pg';
import { FerryError } from '../../../core/errors.js';
import type { TableMapping } from '../../../core/mapping.js';
import { sourceObjectName } from '../../../core/topics.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import { ruleKitOf } from '../../../platform/rule-kit.js';
import { appliedProbe } from '../verify/applied-probe.js';
import { readVerifications, recordVerification, type TimedReport } from '../verify/record.js';
import type { TableReport } from '../verify/report.js';
import { TableTimes } from '../verify/table-times.js';
import { type VerifyOptions, verifyTables } from '../verify/verify-tables.js';
import { verifiedFinding } from './gates/verified.js';
import type { CutoverOptions } from './options.js';
import type { Pause } from './pause.js';
import { VERIFY_LANES } from './pause-plan.js';
import type { Settings } from './settings.js';

export interface TableChecksParts {
  readonly options: CutoverOptions;
  readonly settings: Settings;
  readonly target: ClientBase;
  readonly pause: Pause;
}

/** Compares tables for a cutover: one that differs ends it. */
export class TableChecks {
  readonly #options: CutoverOptions;
  readonly #target: ClientBase;
  readonly #pause: Pause;
  readonly #verifiedWithinMs: number;
  readonly #isRecorded: boolean;

  constructor({ options, settings, target, pause }: TableChecksParts) {
    this.#options = options;
    this.#target = target;
    this.#pause = pause;
    this.#verifiedWithinMs = settings.verifiedWithinMs;
    this.#isRecorded = options.intent !== 'dry-run';
  }

  /**
   * Every table as it was verified last, where that is recent enough; otherwise all are compared, and that is recorded.
   * @throws FerryError `mismatch` naming the tables that differ.
   */
  async all(): Promise<{ readonly reports: readonly TimedReport[]; readonly detail: string }> {
    const { pipeline, onTable } = this.#options;
    const records = await readVerifications(this.#target, pipeline);
    const known = verifiedFinding(records, {
      tables: pipeline.tables,
      mapping: mappingDigest(pipeline),
      withinMs: this.#verifiedWithinMs,
    });
    if (known.isOpen && this.#verifiedWithinMs > 0) {
      return { reports: records.map(({ report }) => report), detail: known.figure };
    }
    const times = new TableTimes();
    const reports = await this.#compare(pipeline.tables, (progress) => {
      times.saw(progress);
      if (progress.report) onTable?.(progress.report);
    });
    const timed = times.of(reports);
    if (this.#isRecorded) await recordVerification(this.#target, pipeline, timed);
    refuseDifferences(timed);
    return { reports: timed, detail: `${timed.length} tables equal` };
  }

  /** What was recorded of each table that was equal at the mapping that runs. */
  async recorded(): Promise<readonly TimedReport[]> {
    const { pipeline } = this.#options;
    const digest = mappingDigest(pipeline);
    const records = await readVerifications(this.#target, pipeline);
    return records.filter(({ mapping, report }) => mapping === digest && report.equal).map(({ report }) => report);
  }

  /** @throws FerryError `mismatch` naming the tables that differ. */
  async some(tables: readonly TableMapping[]): Promise<readonly TableReport[]> {
    const reports = await this.#compare(tables);
    refuseDifferences(reports);
    return reports;
  }

  async #compare(
    tables: readonly TableMapping[],
    onProgress?: VerifyOptions['onProgress'],
  ): Promise<readonly TableReport[]> {
    const { pipeline, connectSource, connectTarget } = this.#options;
    const report = await verifyTables({
      tables,
      kit: await ruleKitOf(pipeline),
      publication: sourceObjectName(pipeline.name),
      forward: pipeline.forward,
      connectSource,
      connectTarget,
      applied: appliedProbe(this.#target, {
        pipeline: pipeline.name,
        mappingVersion: pipeline.mappingVersion,
        tables: pipeline.tables,
        partitions: pipeline.log.partitions,
      }),
      parallel: VERIFY_LANES,
      signal: this.#pause.signal,
      ...(onProgress ? { onProgress } : {}),
    });
    return report.tables;
  }
}

function refuseDifferences(tables: readonly TableReport[]): void {
  const different = tables.filter((table) => !table.equal).map((table) => table.source);
  if (different.length === 0) return;
  throw new FerryError('mismatch', `source and target differ in ${different.join(', ')}`);
}
