import type pg from 'pg';
import { FerryError } from '../../../core/errors.js';
import { routeName } from '../../../core/mapping.js';
import { contentsOf, type MappedTable } from '../../../core/mapping-version.js';
import { isWorking } from '../../../core/service-report.js';
import { topicsOf } from '../../../core/topics.js';
import { inTransactionBesideApply } from '../../../platform/apply-fence.js';
import { readMappingVersion } from '../../../platform/control-schema.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import { failpoint } from '../../../platform/failpoint.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { mappingDigest } from '../../../platform/mapping-digest.js';
import { putVersion, readVersions } from '../../../platform/mapping-version.js';
import { refuseRolledOut } from '../rollout/rollout.js';
import { readReports } from '../status/read-reports.js';
import { beginReplay, type ReplayScope } from './journal.js';
import type { NewVersion, ReplayOptions } from './options.js';
import { domainEnds, waitUntilTransformed } from './progress.js';
import {
  refuseOtherTables,
  refusePastChanges,
  refuseSameVersion,
  refuseShortenedRaw,
  refuseUnfit,
  tablesThatChange,
} from './refuse-version.js';
import { emptyForVersion, refuseReferred, refuseServing } from './reset.js';
import { copyPastChanges, refuseOthersRows } from './second-target.js';
import { whileWorking } from './while-working.js';

export interface VersionSides {
  readonly target: pg.Client;
  readonly source: pg.Client | undefined;
  /** Of a second target. */
  readonly live: pg.Client | undefined;
}

/**
 * Makes the domain topics of a version of the mapping out of the raw topic, while the target that is there goes on with
 * those of before; then empties the mapped tables and lets the target have its rows by the new ones. Killed before that,
 * it goes on where the topics end.
 * @throws FerryError when the mapping does not fit, or raw does not have what it needs: nothing is changed then.
 */
export async function beginVersion(
  options: ReplayOptions,
  version: NewVersion,
  { target, source, live }: VersionSides,
  scope: ReplayScope,
): Promise<void> {
  const { pipeline, log } = options;
  if (!source) {
    throw new FerryError('source-unreachable', 'the source cannot be reached, and a new mapping is held against it');
  }
  if (live) {
    await refuseServing(live, pipeline);
    await refuseUsed(log, live, pipeline);
  } else {
    await refuseSameVersion(target, pipeline);
  }
  await refuseShortenedRaw(log, pipeline);
  await refuseOtherTables(log, pipeline);
  const changing = await tablesThatChange(log, live ?? target, pipeline);
  await refusePastChanges(live ?? target, pipeline.name, changing);
  // What they bring may be what the mapping asks for.
  if (!(await version.hasPendingMigrations())) await refuseUnfit(pipeline, { source, target });
  if (live) await refuseOthersRows(target, pipeline);
  await options.confirm();
  if (await beginFilling(log, pipeline, scope)) await fill(options, version);
  await failpoint('replay.version-filled');
  // That took its time, and the migrations change what readers find.
  if (!live) await refuseRolledOut(target, pipeline.name);
  await version.migrate();
  await refuseUnfit(pipeline, { source, target });
  // Whoever starts from now on works with it; who runs with that of before is fenced by what follows.
  if (!live) {
    await version.write();
    await putVersion(log, pipeline.mappingVersion, { tables: contentsOf(pipeline.tables), state: 'ready' });
  }
  await failpoint('replay.version-ready');
  const ends = await domainEnds(log, pipeline, pipeline.tables);
  await inTransactionBesideApply(target, async () => {
    await emptyForVersion(target, pipeline);
    if (live) await copyPastChanges(live, target, pipeline);
    await keepPastChanges(target, pipeline, changing);
    await beginReplay(target, pipeline.name, { scope, ends });
  }).catch(refuseReferred);
  await failpoint('replay.version-begun');
}

/**
 * Beside the live target, whoever replays fills the topics of a version of its own; and they have one writer.
 * @throws FerryError `usage` when the live target has its rows by it, `not-ready` while a transform works with it.
 */
async function refuseUsed(log: EventLog, live: pg.Client, pipeline: LoadedPipeline): Promise<void> {
  const { name, mappingVersion } = pipeline;
  if ((await readMappingVersion(live, name)) === mappingVersion) {
    throw new FerryError('usage', `the live target has its rows by version ${mappingVersion} of the mapping already`, {
      remedy: 'Rebuild the second target by it without --mapping: ferry replay --target.',
    });
  }
  const [digest, now] = [mappingDigest(pipeline), Date.now()];
  const transforms = (await readReports(log)).filter((one) => one.service === 'transform' && one.mapping === digest);
  const working = transforms.find((report) => isWorking(report, now));
  if (!working) return;
  const works = `transform (${working.instance}) works with version ${mappingVersion} of the mapping`;
  throw new FerryError('not-ready', works, {
    remedy: 'Stop it; or let TARGET_URL name the database that its rows go to, and go without --mapping.',
  });
}

/**
 * @param scope beside the live target, services keep off a version until that has been compared, another time, too.
 * @returns whether whoever replays fills its topics, because no service works with it.
 */
async function beginFilling(
  log: EventLog,
  { mappingVersion, tables }: LoadedPipeline,
  { isBeside }: ReplayScope,
): Promise<boolean> {
  const record = (await readVersions(log)).get(mappingVersion);
  if (record?.state === 'ready' && !isBeside) return false;
  await putVersion(log, mappingVersion, { tables: contentsOf(tables), state: 'filling' });
  return true;
}

async function fill({ log, pipeline, signal }: ReplayOptions, version: NewVersion): Promise<void> {
  version.onFill();
  await whileWorking([version.fill], signal, (working) =>
    waitUntilTransformed(log, pipeline, { signal: working, onStill: async () => {} }),
  );
}

/**
 * Where tables were copied again holds for whatever is made of them; changes of columns are known in the names of the
 * mapping of then.
 */
async function keepPastChanges(
  target: pg.Client,
  { name, tables }: LoadedPipeline,
  changing: readonly MappedTable[],
): Promise<void> {
  for (const { source, route } of changing) {
    await target.query(
      `INSERT INTO ferry.schema_change (pipeline, source_table, partition, lsn, index, changes, action)
       SELECT DISTINCT pipeline, $3, partition, lsn, index, changes, action FROM ferry.schema_change
        WHERE pipeline = $1 AND split_part(source_table, ' -> ', 1) = $2 AND action = 'copied again' ON CONFLICT DO NOTHING`,
      [name, source, route],
    );
  }
  const changed = new Set(changing.map(({ route }) => route));
  await target.query(
    `DELETE FROM ferry.schema_change
      WHERE pipeline = $1 AND action <> 'copied again' AND NOT source_table = ANY ($2)`,
    [name, tables.map(routeName).filter((route) => !changed.has(route))],
  );
}

/**
 * All of the target was compared and is equal: services may work with the version where it was made beside them; otherwise
 * all do, and nobody reads the topics of those before.
 */
export async function settleVersion(
  log: EventLog,
  { name, mappingVersion }: LoadedPipeline,
  { isBeside }: ReplayScope,
): Promise<void> {
  for (const [version, record] of await readVersions(log)) {
    if (version === mappingVersion) {
      if (record.state !== 'ready') await putVersion(log, version, { ...record, state: 'ready' });
    } else if (!isBeside && version < mappingVersion && record.state !== 'gone') {
      const { domain } = topicsOf(name, version);
      await log.deleteTopics([...new Set(record.tables.map(({ schema }) => domain(schema)))]);
      await putVersion(log, version, { tables: [], state: 'gone' });
    }
  }
}
