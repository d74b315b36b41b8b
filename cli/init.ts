import { Command, Option } from 'commander';
import { FerryError } from '../core/errors.js';
import { connect, type Side } from '../platform/postgres.js';
import { type InitResult, initOptions, initPipeline } from '../services/control/init/init-pipeline.js';
import { printJson, printLine, printTable } from './output.js';

const EXAMPLE = `
A --map moves a schema with all its tables, or one table; that of a table wins over that of its schema.

Example:
  $ export SOURCE_URL=postgres://... TARGET_URL=postgres://...
  $ ferry init --map public=growth --map public.users=shared.users --out config/mine --create-target`;

interface Options {
  readonly source?: string;
  readonly target?: string;
  readonly map: readonly string[];
  readonly out: string;
  readonly name?: string;
  readonly brokers?: string;
  readonly createTarget?: true;
  readonly json?: true;
}

export function initCommand(): Command {
  return new Command('init')
    .description("write a pipeline's configuration from the source's catalog")
    .addOption(new Option('--source <url>', 'the old project').env('SOURCE_URL'))
    .addOption(new Option('--target <url>', 'the new project; read with --create-target').env('TARGET_URL'))
    .requiredOption('--map <from=to>', 'what goes where; may be repeated', (value, all: string[] = []) => [
      ...all,
      value,
    ])
    .requiredOption('--out <dir>', 'directory to write; existing files are never overwritten')
    .option('--name <name>', 'name of the pipeline (default: the name of the directory)')
    .option('--brokers <hosts>', 'Kafka brokers, host:port,host:port (default: $KAFKA_BROKERS, else the embedded log)')
    .option('--create-target', 'create schemas, types and tables in the target')
    .option('--json', 'print one JSON object: ok, directory, tables, left, files, next')
    .addHelpText('after', EXAMPLE)
    .action(init);
}

async function init(options: Options): Promise<void> {
  // An empty variable counts as unset, as it does in pipeline.yaml.
  if (!options.source) throw new FerryError('usage', 'init needs --source, or SOURCE_URL in the environment');
  if (options.createTarget && !options.target) {
    throw new FerryError('usage', '--create-target needs --target, or TARGET_URL in the environment');
  }
  const { map: maps, out: directory, name, brokers } = options;
  const asked = initOptions({ maps, directory, name, brokers });
  const settings = { lock_timeout: '5000', statement_timeout: '60000' };
  const open = (side: Side, url: string) => connect(side, url, { applicationName: 'ferry init', settings });
  const source = await open('source', options.source);
  try {
    const target = options.createTarget ? await open('target', options.target!) : undefined;
    try {
      const result = await initPipeline(asked, { source, target });
      if (options.json) printJson(result);
      else printResult(result);
    } finally {
      await target?.end();
    }
  } finally {
    await source.end();
  }
}

function printResult({ directory, tables, left, files, next }: InitResult): void {
  printTable(
    ['source', 'target'],
    tables.map(({ source, target }) => [source, target]),
  );
  if (left.length > 0) {
    printLine('\nleft behind:');
    printTable(
      ['table', 'reason'],
      left.map(({ table, reason }) => [table, reason]),
      { wrap: 1 },
    );
  }
  printLine(`\nwritten to ${directory}: ${files.join(', ')}`);
  printLine(['next:', ...next].join('\n  '));
}
