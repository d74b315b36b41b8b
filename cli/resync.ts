import { Command } from 'commander';
import type pg from 'pg';
import { sourceObjectName } from '../core/topics.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { openLog } from '../platform/event-log/open.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { classify, connect, describeUrl } from '../platform/postgres.js';
import { disarm } from '../services/control/cutover/returned.js';
import { deleteLog, dropSlot } from '../services/control/replay/forget-log.js';
import { giveUpReplay } from '../services/control/replay/journal.js';
import { replayedTables, resetTarget, takeVersion } from '../services/control/replay/reset.js';
import { refuseRunning } from '../services/control/status/refuse-running.js';
import { confirm } from './confirm.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';

const EXAMPLE = `
Example:
  $ ferry resync -c config/mine --yes
  $ ferry up -c config/mine

For a slot that is lost, was dropped or recreated: what happened since is in no log, so all of it is copied again. A way back
is armed anew: no table is emptied.
Until this command the target stays as it is. Killed half-way, run it again.
Exit code: 0 ready for \`ferry up\`, 3 not ready, 1 failed, 2 usage.`;

interface ResyncFlags {
  readonly config: string;
  readonly yes?: true;
  readonly json?: true;
}

export function resyncCommand(): Command {
  return new Command('resync')
    .description('begin again: drop slot and log, empty the mapped tables, so that `ferry up` takes a new snapshot')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, tables')
    .addHelpText('after', EXAMPLE)
    .action(runResync);
}

async function runResync(flags: ResyncFlags): Promise<void> {
  const pipeline = await loadPipeline(flags.config);
  const tables = replayedTables(pipeline.tables);
  await using log = await openLog(pipeline, `ferry-${pipeline.name}-resync`, silentLogger);
  await refuseRunning(log);
  if (!flags.yes) {
    const [what, emptied] = pipeline.wayBackOf
      ? ['resync deletes the log', 'no table is emptied']
      : [
          'resync deletes the log, and empties the mapped tables of the target',
          `${tables.length} tables of the target are emptied (${tables.join(', ')})`,
        ];
    await confirm(what, `This deletes the log of ${pipeline.name}; ${emptied}.`);
  }
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry resync' });
  try {
    await ensureControlSchema(target);
    // First: it refuses once the target serves. An empty target whose log is still there is only replayed.
    await forget(target, pipeline);
    await target.query('DELETE FROM ferry.schema_change WHERE pipeline = $1', [pipeline.name]);
    await dropSlotOf(pipeline);
    await recordAct(target, pipeline.name, { act: 'resync' });
    await deleteLog(log, pipeline);
  } catch (error) {
    throw classify('target', error, `emptying ${describeUrl(pipeline.target.url)}`);
  } finally {
    await target.end().catch(() => {});
  }
  if (flags.json) printJson({ ok: true, tables });
  else printLine(`ready to begin again: ferry up -c ${flags.config}`);
}

/** Of a way back the rows stay: they are the old project's own. */
async function forget(target: pg.Client, pipeline: LoadedPipeline): Promise<void> {
  if (!pipeline.wayBackOf) {
    return resetTarget(target, pipeline, async () => {
      await giveUpReplay(target, pipeline.name);
      await takeVersion(target, pipeline);
    });
  }
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry resync' });
  await disarm({ source, target }, pipeline).finally(() => source.end());
}

async function dropSlotOf({ name, source: { url } }: LoadedPipeline): Promise<void> {
  const source = await connect('source', url, { applicationName: 'ferry resync' });
  try {
    await dropSlot(source, name);
  } catch (error) {
    throw classify('source', error, `dropping the replication slot ${sourceObjectName(name)} at ${describeUrl(url)}`);
  } finally {
    await source.end().catch(() => {});
  }
}
