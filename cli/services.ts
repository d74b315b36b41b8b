import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { printJson } from './output.js';

/** `ferry capture`, `transform`, `apply`, `control`: one service each, in the foreground. */
export function captureCommand(): Command {
  return service('capture', "Stream the source's changes and copy its tables into the raw topic.", async (pipeline) =>
    (await import('../services/capture/main.js')).runCapture(pipeline),
  );
}

export function transformCommand(): Command {
  return service('transform', 'Map the raw topic to the domain topics.', async (pipeline) =>
    (await import('../services/transform/main.js')).runTransform(pipeline),
  );
}

export function applyCommand(): Command {
  return service('apply', 'Write the domain topics to the target, exactly once.', async (pipeline) =>
    (await import('../services/apply/main.js')).runApply(pipeline, prepareTarget),
  );
}

/** Where there is nothing to run, apply starts without a parser of SQL. */
async function prepareTarget(pipeline: LoadedPipeline): Promise<string[]> {
  if (!existsSync(join(pipeline.directory, 'target'))) return [];
  const { migrateTarget } = await import('./target-migrations.js');
  return (await migrateTarget(pipeline, 'before'))?.map(({ file }) => file) ?? [];
}

export function controlCommand(): Command {
  return service('control', 'Measure lag and serve it as metrics.', async (pipeline) =>
    (await import('../services/control/main.js')).runControl(pipeline),
  );
}

function service(name: string, description: string, run: (pipeline: LoadedPipeline) => Promise<void>): Command {
  return new Command(name)
    .description(description)
    .requiredOption('-c, --config <dir>', 'configuration directory, with pipeline.yaml')
    .option('--json', 'print one JSON object at the end')
    .addHelpText(
      'after',
      `\nExample:\n  $ ferry ${name} -c config/growth-split\n\nRuns until SIGTERM, then drains and stops.`,
    )
    .action(async (options: { config: string; json?: true }) => {
      const pipeline = await loadPipeline(options.config);
      await run(pipeline);
      if (options.json) printJson({ ok: true, service: name, pipeline: pipeline.name });
      // kafkajs keeps handles that would hold a drained process.
      process.exit(0);
    });
}
