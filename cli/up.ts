import { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import type { ServiceName } from '../core/service-report.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { createLogger } from '../platform/logger.js';
import { connect } from '../platform/postgres.js';
import { Supervisor } from '../platform/supervisor.js';
import { runTargetScript } from '../services/control/target-scripts.js';

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
  await prepareTarget(pipeline);
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

/**
 * Runs target/before-copy.sql where it has not run yet. A target that is down is left to the services, which wait.
 */
export async function prepareTarget(pipeline: LoadedPipeline): Promise<void> {
  try {
    const target = await connect('target', pipeline.target.url, { applicationName: 'ferry up' });
    try {
      await ensureControlSchema(target);
      await runTargetScript(target, pipeline, 'before-copy');
    } finally {
      await target.end();
    }
  } catch (error) {
    if (error instanceof FerryError && error.policy.react === 'retry') return;
    throw error;
  }
}
