import type { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import { displayName, formatQualifiedName, parseQualifiedName } from '../core/relation.js';
import { pipelineOf, readPipelineFiles } from '../platform/load-pipeline.js';
import { dropLettersOf } from '../services/apply/settle-letters.js';
import { refuseTwoWay } from '../services/control/rollout/users/two-way-state.js';
import { removeEntry, writeConfigFile } from '../services/control/tables/mapping-files.js';
import { removeTable } from '../services/control/tables/remove-table.js';
import { refuseSeveral } from '../services/control/tables/stop-and-go.js';
import { confirm } from './confirm.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';
import { subcommand } from './subcommand.js';
import { withSides } from './table-sides.js';

const EXAMPLE = `
Example:
  $ ferry table remove public.orders -c config/mine

Its rows in the target stay as they are; nothing writes to them any more. Works while services run and while they do not.
Exit code: 0 removed, 2 usage or configuration, 3 a service does not take the mapping, or the
rollout is in the mode users.`;

interface RemoveFlags {
  readonly config: string;
  readonly yes?: true;
  readonly json?: true;
}

export function tableRemoveCommand(): Command {
  return subcommand('remove', 'take one table out of the pipeline while the others go on; its rows in the target stay')
    .argument('<table>', 'source table, schema.table')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object: ok, table, target, published')
    .addHelpText('after', EXAMPLE)
    .action(runRemove);
}

async function runRemove(name: string, flags: RemoveFlags): Promise<void> {
  const source = parseQualifiedName(name);
  if (!source) throw new FerryError('usage', `${JSON.stringify(name)} is not schema.table`);
  const files = await readPipelineFiles(flags.config);
  const before = pipelineOf(files);
  const mapping = before.tables.find((one) => displayName(one.source) === displayName(source));
  if (mapping) refuseSeveral(before, mapping);
  const change = mapping && removeEntry(files, mapping);
  // Refuses the last table, too: a pipeline has one.
  const pipeline = change ? pipelineOf(change.files) : before;
  const table = formatQualifiedName(source);
  if (!flags.yes) await confirm(`remove takes ${table} out of the pipeline`, `Nothing of ${table} is moved any more.`);
  await withSides(pipeline, 'ferry table remove', async (sides) => {
    const { name: ours, wayBackOf } = pipeline;
    await (wayBackOf ? refuseTwoWay(sides.source, wayBackOf.name) : refuseTwoWay(sides.target, ours));
    if (change) await writeConfigFile(change.changed);
    const isUnpublished = await removeTable(sides, pipeline, source);
    if (mapping) await dropLettersOf(sides.target, pipeline, mapping);
    await recordAct(sides.target, pipeline.name, { act: 'table remove', subject: table });
    const target = mapping && formatQualifiedName(mapping.target);
    if (flags.json) return printJson({ ok: true, table, target: target ?? null, published: !isUnpublished });
    printLine(`${table} is not moved any more${target ? `; the rows of ${target} stay as they are` : ''}`);
    if (!isUnpublished) printLine('its changes are still published: the role may not change the publication');
  });
}
