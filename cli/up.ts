import { once } from 'node:events';
import { Command } from 'commander';
import type { ServiceName } from '../core/service-report.js';
import { openLog } from '../platform/event-log/open.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { createLogger, silentLogger } from '../platform/logger.js';
import { OneUp } from '../platform/one-up.js';
import { Supervisor } from '../platform/supervisor.js';

export const ALL_SERVICES: readonly ServiceName[] = ['capture', 'transform', 'apply', 'control'];

const EXAMPLE = `
Example:
  $ ferry up -c config/mine

Runs until Ctrl-C or SIGTERM, then drains and stops. Start it again at any time: it goes on where it stood.
A second one of the same pipeline is refused by name (exit code 1) while the first one runs.`;

export function upCommand(): Command {
  return new Command('up')
    .description('run capture, transform, apply and control in the foreground')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--json', 'print one JSON object at the end')
    .addHelpText('after', EXAMPLE)
    .action(runUp);
}

async function runUp(flags: { config: string; json?: true }): Promise<void> {
  const logger = createLogger('up');
  const pipeline = await loadPipeline(flags.config);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const open = () => openLog(pipeline, `ferry-${pipeline.name}-up`, silentLogger);
  await using one = new OneUp({ pipeline: pipeline.name, open, logger });
  const stopped = once(stop.signal, 'abort');
  await Promise.race([one.begun(), stopped]);
  if (!stop.signal.aborted) {
    await using supervisor = new Supervisor({
      services: ALL_SERVICES,
      config: flags.config,
      env: process.env,
      logger,
      stderr: 'inherit',
    });
    await Promise.race([supervisor.ended(), one.ended(), stopped]);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ ok: true, pipeline: pipeline.name })}\n`);
}
