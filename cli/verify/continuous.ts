import type { ClientBase } from 'pg';
import { routeName, type TableMapping } from '../../core/mapping.js';
import { displayName } from '../../core/relation.js';
import { topicsOf } from '../../core/topics.js';
import { readCopiedSources, readStoppedTables } from '../../platform/control-schema.js';
import { openLog } from '../../platform/event-log/open.js';
import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { silentLogger } from '../../platform/logger.js';
import { classify } from '../../platform/postgres.js';
import { ChangeFeed } from '../../services/control/verify/change-feed.js';
import { ChangedKeys } from '../../services/control/verify/changed-keys.js';
import { ContinuousVerification, type RoundReport } from '../../services/control/verify/continuous.js';
import { openTable, withSessions } from '../../services/control/verify/open-table.js';
import type { TableReport } from '../../services/control/verify/report.js';
import type { VerifyOptions } from '../../services/control/verify/verify-tables.js';
import { printJson, printLine } from '../output.js';
import { printDifferences } from './print-report.js';

export interface Continuous extends AsyncDisposable {
  /** @returns whether nothing differed at its end. */
  run(
    first: readonly TableReport[],
    target: ClientBase,
    flags: { readonly stopAtDifference?: true; readonly json?: true },
  ): Promise<boolean>;
}

/** Looks at the log from now on. */
export async function openContinuous(
  pipeline: LoadedPipeline,
  options: VerifyOptions & { readonly signal: AbortSignal },
  everyMs: number,
): Promise<Continuous> {
  const log = await openLog(pipeline, `ferry-${pipeline.name}-verify`, silentLogger);
  const close = () => log[Symbol.asyncDispose]();
  try {
    const feed = await ChangeFeed.open(log, topicsOf(pipeline.name).raw, pipeline.log.partitions);
    const changed = new ChangedKeys(await readKeyColumns(options));
    return {
      [Symbol.asyncDispose]: close,
      async run(first, target, { stopAtDifference = false, json }) {
        const verification = new ContinuousVerification(
          {
            ...options,
            changed,
            readChanges: () => feed.read((record) => changed.take(record), options.signal),
            readRunning: () => readRunning(target, pipeline),
            everyMs,
            onRound: json ? printJson : printRound,
          },
          first,
        );
        await withSessions(options, (source, target) =>
          verification.run({ source, target, signal: options.signal }, { stopsAtDifference: stopAtDifference }),
        );
        return verification.ok;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** By source table. */
async function readKeyColumns(
  options: VerifyOptions & { readonly signal: AbortSignal },
): Promise<Map<string, readonly string[]>> {
  const columns = new Map<string, readonly string[]>();
  await withSessions(options, async (source, target) => {
    for (const mapping of options.tables) {
      const { shape } = await openTable(mapping, { source, target, signal: options.signal }, options);
      columns.set(
        displayName(mapping.source),
        shape.keyColumns.map(({ name }) => name),
      );
    }
  });
  return columns;
}

/** A table that is being copied, or stands, lacks what it will have. */
async function readRunning(target: ClientBase, { name, log }: LoadedPipeline): Promise<(of: TableMapping) => boolean> {
  try {
    const copied = await readCopiedSources(target, name, log.partitions);
    const stopped = new Set((await readStoppedTables(target, name)).map(({ source }) => source));
    return (mapping) => copied.has(routeName(mapping)) && !stopped.has(routeName(mapping));
  } catch (error) {
    throw classify('target', error, `the table states of pipeline ${name}`);
  }
}

function printRound({ round, tables, waiting, durationMs }: RoundReport): void {
  const sum = (of: (table: TableReport) => number) => tables.reduce((total, table) => total + of(table), 0);
  const unsettled = sum((table) => table.unsettled);
  const found = [
    `${sum((table) => table.rows)} rows of ${tables.length} tables compared`,
    `${sum((table) => table.differencesTotal)} different`,
    ...(unsettled > 0 ? [`${unsettled} to be looked at again`] : []),
    ...(waiting.length > 0 ? [`${waiting.join(', ')} wait: copied, paused or halted`] : []),
  ];
  printLine(`round ${round}: ${found.join(', ')}, ${(durationMs / 1_000).toFixed(1)} s`);
  for (const table of tables) printDifferences({ ...table, unsettled: 0 });
}
