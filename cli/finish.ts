import { Command } from 'commander';
import { ensureControlSchema } from '../platform/control-schema.js';
import { openLog } from '../platform/event-log/open.js';
import { loadPipeline, loadWayBack } from '../platform/load-pipeline.js';
import { silentLogger } from '../platform/logger.js';
import { finish, refuseWayBack } from '../services/control/finish/finish.js';
import { refuseRunning } from '../services/control/status/refuse-running.js';
import { confirm } from './confirm.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';
import { withSides } from './table-sides.js';

const EXAMPLE = `
Examples:
  $ ferry finish -c config/mine
  $ ferry finish -c config/mine --now --yes
  $ ferry finish -c config/mine --give-up

After the cutover and its days of grace (cutover.graceDays, 7): slot, publication and fence leave the old project, which could be written
to from then on. The log and the target's schema ferry, which has the history and the flag, stay; the way back's history and conflicts come there. Killed half-way, run it again.
Exit code: 0 nothing of the pipeline is left on the source, 3 not ready, 1 failed, 2 usage.`;

interface FinishFlags {
  readonly config: string;
  readonly now?: true;
  readonly giveUp?: true;
  readonly yes?: true;
  readonly json?: true;
}

export function finishCommand(): Command {
  return new Command('finish')
    .description('end the migration: take what the pipeline has made on the old project away')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--now', 'do not wait for the days of grace')
    .option('--give-up', 'end a migration that was not cut over: the old project serves on, with nothing of it')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, cutOverAt, removed')
    .addHelpText('after', EXAMPLE)
    .action(runFinish);
}

async function runFinish(flags: FinishFlags): Promise<void> {
  const pipeline = await loadPipeline(flags.config);
  refuseWayBack(pipeline.name);
  await using log = await openLog(pipeline, `ferry-${pipeline.name}-finish`, silentLogger);
  await refuseRunning(log);
  const back = await loadWayBack(pipeline);
  if (back) {
    await using backLog = await openLog(back, `ferry-${back.name}-finish`, silentLogger);
    await refuseRunning(backLog);
  }
  if (!flags.yes) {
    await confirm(
      'finish takes away the slot and the fence of the old project',
      `This ends the migration ${pipeline.name}: the old project loses its slot, publication and fence${back ? ', and the new one its way back' : ''}.`,
    );
  }
  await withSides(pipeline, 'ferry finish', async ({ source, target }) => {
    await ensureControlSchema(target);
    const report = await finish({
      pipeline: pipeline.name,
      source,
      target,
      graceDays: flags.now ? 0 : pipeline.cutover.graceDays,
      isGivenUp: flags.giveUp === true,
      onRemoved: ({ kind, name }) => void process.stderr.write(`removed: ${kind} ${name}\n`),
    });
    const detail = { removed: report.removed.length, ...(flags.giveUp && { givenUp: true }) };
    await recordAct(target, pipeline.name, { act: 'finish', detail });
    if (flags.json) printJson(report);
    else printLine(`${flags.giveUp ? 'given up' : 'finished'}: nothing of ${pipeline.name} is left on the source`);
  });
}
