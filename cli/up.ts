import { Command } from 'commander';
import type { ServiceName } from '../core/service-report.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { createLogger } from '../platform/logger.js';
import { Supervisor } from '../platform/supervisor.js';

export const ALL_SERVICES: readonly ServiceName[] = ['capture', 'transform', 'apply', 'control'];

const EXAMPLE = `
Example:
  $ ferry up -c config/mine

Runs until Ctrl-C or SIGTERM, then drains and stops. Start it again at any time: it goes on where it stood.`;

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
  const supervisor = new Supervisor({
    services: ALL_SERVICES,
    config: flags.config,
    env: process.env,
    logger,
    stderr: 'inherit',
  });
  const stop = () => void supervisor.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  await supervisor.ended();
  if (flags.json) process.stdout.write(`${JSON.stringify({ ok: true, pipeline: pipeline.name })}\n`);
}
