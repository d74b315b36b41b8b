import { Command } from 'commander';

/** A command below another one, which works on a pipeline. */
export function subcommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .exitOverride()
    .showHelpAfterError('(see --help)');
}
