import { Command } from 'commander';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';

/** `ferry capture`, `transform`, `apply`, `control`: one service each, in the foreground. */
export function serviceCommands(): Command[] {
  return [
    service('capture', "Stream the source's changes and copy its tables into the raw topic.", async (pipeline) =>
      (await import('../services/capture/main.js')).runCapture(pipeline),
    ),
    service('transform', 'Map the raw topic to the domain topics.', async (pipeline) =>
      (await import('../services/transform/main.js')).runTransform(pipeline),
    ),
    service('apply', 'Write the domain topics to the target, exactly once.', async (pipeline) =>
      (await import('../services/apply/main.js')).runApply(pipeline),
    ),
    service('control', 'Measure lag and serve it as metrics.', async (pipeline) =>
      (await import('../services/control/main.js')).runControl(pipeline),
    ),
  ];
}

function service(name: string, description: string, run: (pipeline: LoadedPipeline) => Promise<void>): Command {
  return new Command(name)
    .description(description)
    .requiredOption('-c, --config <dir>', 'configuration directory, with pipeline.yaml')
    .addHelpText('after', `\nExample:\n  ferry ${name} -c config/growth-split`)
    .action(async (options: { config: string }) => {
      await run(await loadPipeline(options.config));
      // lmdb and kafkajs keep handles that would hold a drained process.
      process.exit(0);
    });
}
