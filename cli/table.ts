import { Command } from 'commander';
import type { ClientBase } from 'pg';
import type { TableMapping } from '../core/mapping.js';
import { formatQualifiedName } from '../core/relation.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { mappedTable, pauseTable, resumeTable } from '../services/control/tables/stop-and-go.js';
import { printJson, printLine, printTable } from './output.js';
import { readOnce } from './status.js';

const EXAMPLE = `
Examples:
  $ ferry table list -c config/mine
  $ ferry table pause public.orders -c config/mine
  $ ferry table resume public.orders -c config/mine

Exit code: 0 done, 2 no such table or nothing to do, 3 the pipeline has not started.`;

interface TableFlags {
  readonly config: string;
  readonly json?: true;
}

export function tableCommand(): Command {
  return new Command('table')
    .description('one table of a running pipeline: let it stand, go on; the others do not stop')
    .addHelpText('after', EXAMPLE)
    .addCommand(
      subcommand('list', 'every table: where it goes, its state, and why it stands').action(async (flags: TableFlags) =>
        list(await loadPipeline(flags.config), flags),
      ),
    )
    .addCommand(
      onTable(
        'pause',
        'apply nothing of a table from now on; capture goes on, so nothing is lost',
        pauseTable,
        'stands',
      ),
    )
    .addCommand(
      onTable(
        'resume',
        'apply what a table has missed since it was paused or halted, then go on with it; what it halted at counts as seen to',
        resumeTable,
        'catches up: ferry table list shows when it has',
      ),
    );
}

function subcommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--json', 'print one JSON object')
    .exitOverride()
    .showHelpAfterError('(see --help)');
}

type Act = (target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping) => Promise<void>;

function onTable(name: string, description: string, act: Act, said: string): Command {
  return subcommand(name, description)
    .argument('<table>', 'source table, schema.table')
    .action(async (table: string, flags: TableFlags) => {
      const pipeline = await loadPipeline(flags.config);
      const mapping = mappedTable(pipeline, table);
      const target = await connect('target', pipeline.target.url, { applicationName: `ferry table ${name}` });
      try {
        await act(target, pipeline, mapping);
      } finally {
        await target.end().catch(() => {});
      }
      const source = formatQualifiedName(mapping.source);
      if (flags.json) printJson({ ok: true, table: source });
      else printLine(`${source} ${said}`);
    });
}

async function list(pipeline: LoadedPipeline, flags: TableFlags): Promise<void> {
  const { tables, errors } = await readOnce(pipeline);
  if (flags.json) printJson({ ok: errors.length === 0, tables, errors });
  else
    printTable(
      ['table', 'goes to', 'state', 'why'],
      tables.map(({ source, target, state, stopped }) => [source, target, state, stopped?.message ?? '']),
      { wrap: 3 },
    );
  for (const { stopped } of tables) if (stopped && !flags.json) printLine(`next: ${stopped.remedy}`);
}
