import { Command } from 'commander';
import type { ClientBase } from 'pg';
import { refuseEmptying } from '../core/config/way-back.js';
import { routesOf, type TableMapping } from '../core/mapping.js';
import { formatQualifiedName } from '../core/relation.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { orderResnapshot, refuseServing, waitForBeginning } from '../services/control/tables/resnapshot.js';
import { mappedSource, mappedTable, pauseTable, resumeTable } from '../services/control/tables/stop-and-go.js';
import { confirm } from './confirm.js';
import { printJson, printLine, printTable } from './output.js';
import { recordAct } from './record-act.js';
import { readOnce } from './status.js';
import { subcommand } from './subcommand.js';
import { tableAddCommand } from './table-add.js';
import { tableRemoveCommand } from './table-remove.js';
import { BEGINS_WITHIN_MS, withSides } from './table-sides.js';

const EXAMPLE = `
Examples:
  $ ferry table list -c config/mine
  $ ferry table add public.orders --to growth -c config/mine
  $ ferry table remove public.orders -c config/mine
  $ ferry table pause public.orders -c config/mine
  $ ferry table resume public.orders -c config/mine
  $ ferry table resnapshot public.orders -c config/mine

Exit code: 0 done, 2 no such table or nothing to do, 3 the pipeline has not started, or its target serves.`;

const JSON_HELP = 'print one JSON object';

interface TableFlags {
  readonly config: string;
  readonly json?: true;
}

export function tableCommand(): Command {
  return new Command('table')
    .description('one table of a running pipeline: add, remove, let it stand, copy it again; the others do not stop')
    .addHelpText('after', EXAMPLE)
    .addCommand(tableAddCommand())
    .addCommand(tableRemoveCommand())
    .addCommand(
      subcommand('list', 'every table: where it goes, its state, and why it stands')
        .option('--json', JSON_HELP)
        .action(async (flags: TableFlags) => list(await loadPipeline(flags.config), flags)),
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
    )
    .addCommand(resnapshotCommand());
}

interface ResnapshotFlags extends TableFlags {
  readonly yes?: true;
}

function resnapshotCommand(): Command {
  return subcommand('resnapshot', 'empty a table in the target and copy it again, whatever its state; others go on')
    .argument('<table>', 'source table, schema.table')
    .option('--yes', 'do not ask')
    .option('--json', JSON_HELP)
    .action(async (name: string, flags: ResnapshotFlags) => {
      const pipeline = await loadPipeline(flags.config);
      refuseEmptying(pipeline, 'ferry table resnapshot');
      const mapping = mappedSource(pipeline, name);
      const hasBegun = await resnapshot(pipeline, mapping, flags);
      const table = formatQualifiedName(mapping.source);
      if (flags.json) printJson({ ok: true, table, begun: hasBegun });
      else if (hasBegun) printLine(`${table} is being copied again: ferry status shows how far it is`);
      else printLine(`${table} is copied again once capture, transform and apply come to it: see ferry status`);
    });
}

async function resnapshot(pipeline: LoadedPipeline, mapping: TableMapping, flags: ResnapshotFlags): Promise<boolean> {
  return withSides(pipeline, 'ferry table resnapshot', async ({ source, target, log }) => {
    await refuseServing(target, pipeline, mapping);
    if (!flags.yes) {
      const what = routesOf(pipeline.tables, mapping)
        .map((route) => formatQualifiedName(route.target))
        .join(', ');
      await confirm('resnapshot empties the table in the target', `This empties ${what} and copies it again.`);
    }
    const order = await orderResnapshot({ source, target, log }, pipeline, mapping);
    const subject = formatQualifiedName(mapping.source);
    await recordAct(target, pipeline.name, { act: 'table resnapshot', subject });
    return waitForBeginning(target, pipeline, mapping, { order, withinMs: BEGINS_WITHIN_MS });
  });
}

type Act = (target: ClientBase, pipeline: LoadedPipeline, mapping: TableMapping) => Promise<void>;

function onTable(name: string, description: string, act: Act, said: string): Command {
  return subcommand(name, description)
    .argument('<table>', 'source table, schema.table')
    .option('--json', JSON_HELP)
    .action(async (table: string, flags: TableFlags) => {
      const pipeline = await loadPipeline(flags.config);
      const mapping = mappedTable(pipeline, table);
      const target = await connect('target', pipeline.target.url, { applicationName: `ferry table ${name}` });
      try {
        await act(target, pipeline, mapping);
        await recordAct(target, pipeline.name, { act: `table ${name}`, subject: formatQualifiedName(mapping.source) });
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
