import type { Command } from 'commander';
import { refuseEmptying } from '../core/config/way-back.js';
import { FerryError } from '../core/errors.js';
import type { TableMapping } from '../core/mapping.js';
import { displayName, formatQualifiedName, parseQualifiedName, type QualifiedName } from '../core/relation.js';
import { sourceObjectName } from '../core/topics.js';
import { type LoadedPipeline, pipelineOf, readPipelineFiles } from '../platform/load-pipeline.js';
import { readSlot } from '../platform/read-slot.js';
import type { Finding } from '../services/control/preflight/finding.js';
import { refuseTwoWay } from '../services/control/rollout/users/two-way-state.js';
import {
  findObstacles,
  prepareTable,
  refuseFilled,
  refuseKnown,
  type Sides,
} from '../services/control/tables/add-table.js';
import { addEntry, type ChangedFiles, writeConfigFile } from '../services/control/tables/mapping-files.js';
import { emitOrder, refuseServing, waitForBeginning } from '../services/control/tables/resnapshot.js';
import { refuseSeveral } from '../services/control/tables/stop-and-go.js';
import { takeMapping } from '../services/control/tables/take-mapping.js';
import { printJson, printLine } from './output.js';
import { recordAct } from './record-act.js';
import { subcommand } from './subcommand.js';
import { BEGINS_WITHIN_MS, withSides } from './table-sides.js';

const EXAMPLE = `
Examples:
  $ ferry table add public.orders --to growth -c config/mine
  $ ferry table add public.orders --to growth.sales_orders --rename author=author_id -c config/mine

An entry that stands in mapping/*.yaml already is taken as it is. Works while services run and while they do not.
Exit code: 0 added, 2 usage or configuration, 3 findings stand against it, or a service does not take the mapping.`;

interface AddFlags {
  readonly config: string;
  readonly to?: string;
  readonly rename: readonly string[];
  readonly empty?: true;
  readonly json?: true;
}

export function tableAddCommand(): Command {
  return subcommand('add', 'map one more table, and copy it while the others go on')
    .argument('<table>', 'source table, schema.table')
    .option('--to <target>', 'domain schema, or schema.table (default: the name that the table has)')
    .option('--rename <from=to>', 'a column that changes its name; may be repeated', collect, [])
    .option('--empty', "begin with emptying the target's table, if it has rows")
    .option('--json', 'print one JSON object: ok, table, target, begun')
    .addHelpText('after', EXAMPLE)
    .action(runAdd);
}

const collect = (value: string, all: readonly string[]): string[] => [...all, value];

async function runAdd(name: string, flags: AddFlags): Promise<void> {
  const source = parseQualifiedName(name);
  if (!source) throw new FerryError('usage', `${JSON.stringify(name)} is not schema.table`);
  const files = await readPipelineFiles(flags.config);
  const before = pipelineOf(files);
  refuseEmptying(before, 'ferry table add');
  const change = entryOf(before, source, flags) ? undefined : addEntry(files, newEntry(source, flags));
  const pipeline = change ? pipelineOf(change.files) : before;
  const mapping = entryOf(pipeline, source, flags)!;
  refuseSeveral(pipeline, mapping);
  await withSides(pipeline, 'ferry table add', async (sides) => {
    const findings = await add(sides, { pipeline, mapping, change, mayEmpty: flags.empty ?? false });
    if (findings.length > 0) return refuse(mapping, findings, flags);
    const begun = await begin(sides, pipeline, mapping);
    const [table, target] = [formatQualifiedName(mapping.source), formatQualifiedName(mapping.target)];
    await recordAct(sides.target, pipeline.name, { act: 'table add', subject: table, detail: { target } });
    if (flags.json) printJson({ ok: true, table, target, begun });
    else if (begun) printLine(`${table} is being copied to ${target}: ferry status shows how far it is`);
    else printLine(`${table} is copied to ${target} once capture, transform and apply run: see ferry status`);
  });
}

/** @throws FerryError `usage` when it is mapped to something else. */
function entryOf({ tables }: LoadedPipeline, source: QualifiedName, flags: AddFlags): TableMapping | undefined {
  const found = tables.find((mapping) => displayName(mapping.source) === displayName(source));
  if (!found || flags.to === undefined) return found;
  if (displayName(found.target) === displayName(targetOf(source, flags.to))) return found;
  const { file, line } = found.place;
  throw new FerryError(
    'usage',
    `${displayName(source)} goes to ${displayName(found.target)} already, by ${file}:${line}`,
  );
}

function newEntry(source: QualifiedName, { to, rename }: AddFlags) {
  if (to === undefined)
    throw new FerryError('usage', 'where shall its rows go?', { remedy: 'Give --to SCHEMA[.TABLE].' });
  const renamed = rename.map((one) => /^([^=]+)=([^=]+)$/.exec(one)?.slice(1) as [string, string] | undefined);
  if (renamed.includes(undefined)) throw new FerryError('usage', `--rename ${rename.join(' ')}: not COLUMN=COLUMN`);
  return { source, target: targetOf(source, to), rename: Object.fromEntries(renamed as [string, string][]) };
}

function targetOf(source: QualifiedName, to: string): QualifiedName {
  const whole = parseQualifiedName(to) ?? parseQualifiedName(`${to}.${formatQualifiedName(source).split('.').at(-1)}`);
  if (!whole) throw new FerryError('usage', `--to ${to}: not SCHEMA or SCHEMA.TABLE`);
  return /\./.test(to) ? whole : { schema: whole.schema, table: source.table };
}

interface Addition {
  readonly pipeline: LoadedPipeline;
  readonly mapping: TableMapping;
  /** undefined: the entry was there. */
  readonly change: ChangedFiles | undefined;
  readonly mayEmpty: boolean;
}

/** @returns what stands against it; nothing is changed then. */
async function add(sides: Sides, { pipeline, mapping, change, mayEmpty }: Addition): Promise<Finding[]> {
  await refuseServing(sides.target, pipeline, mapping);
  await refuseTwoWay(sides.target, pipeline.name);
  if (!change) await refuseKnown(sides, mapping);
  const findings = await findObstacles(sides, pipeline, mapping);
  if (findings.length > 0) return findings;
  if (!mayEmpty) await refuseFilled(sides, mapping);
  await prepareTable(sides, pipeline, mapping);
  if (change) await writeConfigFile(change.changed);
  // Who reads a topic before who writes to it.
  await takeMapping(sides.log, pipeline, ['apply', 'transform', 'capture', 'control']);
  return [];
}

/** Its copy begins at an order in the WAL: what the log has of an earlier one counts no more. */
async function begin({ source, target }: Sides, pipeline: LoadedPipeline, mapping: TableMapping): Promise<boolean> {
  if (!(await readSlot(source, sourceObjectName(pipeline.name)))) return false;
  const order = await emitOrder(source, pipeline, mapping);
  return waitForBeginning(target, pipeline, mapping, { order, withinMs: BEGINS_WITHIN_MS });
}

function refuse({ source }: TableMapping, findings: readonly Finding[], flags: AddFlags): void {
  process.exitCode = 3;
  if (flags.json) return printJson({ ok: false, table: formatQualifiedName(source), findings });
  printLine(`${formatQualifiedName(source)} is not added:`);
  for (const { message, remedy } of findings) printLine(remedy ? `- ${message}\n  next: ${remedy}` : `- ${message}`);
}
