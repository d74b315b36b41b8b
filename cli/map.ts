import { Command } from 'commander';
import { FerryError } from '../core/errors.js';
import { inputsOf } from '../core/mapping/compile-rule.js';
import { isMove, type TableMapping } from '../core/mapping.js';
import { displayName, formatQualifiedName } from '../core/relation.js';
import { type LoadedPipeline, loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { ruleKitOf } from '../platform/rule-kit.js';
import { type ExplainedLineage, type Explanation, explainTable } from '../services/control/mapping/explain-table.js';
import { type TableTest, testTable } from '../services/control/mapping/test-table.js';
import { traceRow } from '../services/control/mapping/trace-row.js';
import { type OpenSession, openSession } from '../services/control/verify/session.js';
import { readTableCatalog } from '../services/control/verify/table-catalog.js';
import { printJson, printLine, printTable } from './output.js';
import { subcommand } from './subcommand.js';

const EXAMPLE = `
Examples:
  $ ferry map explain public.users -c config/mine
  $ ferry map test -c config/mine
  $ ferry map test --table public.users --all -c config/mine
  $ ferry map trace public.vendor_api_keys 7 -c config/mine

Nothing is written. Exit code: 0 done, 2 usage or configuration, 3 rows would be refused, or no such row.`;

const NOT_READY = 3;
const SAMPLE_ROWS = 3;

export function mapCommand(): Command {
  return new Command('map')
    .description('what the mapping makes of tables and rows, before anything moves')
    .addHelpText('after', EXAMPLE)
    .addCommand(
      subcommand('explain', 'where each column of a table goes, and what comes from where')
        .argument('<table>', 'by its name in the source or in the target')
        .option('--json', 'print one JSON object: ok, tables')
        .action(runExplain),
    )
    .addCommand(
      subcommand('trace', 'where a row of a table with lineage came from, and the rows that it is one with')
        .argument('<table>', 'by its name in the target or in the source')
        .argument('<key...>', 'values of the key that the row has there')
        .option('--json', 'print one JSON object: ok, target, rows')
        .action(runTrace),
    )
    .addCommand(
      subcommand('test', 'send rows of the source through the mapping, and show them side by side')
        .option(
          '--table <schema.table...>',
          'only these, by their name in the source or in the target; otherwise all with rules',
        )
        .option('--rows <n>', 'rows of each table to show', String(SAMPLE_ROWS))
        .option('--all', 'read every row, and show only those that would be refused')
        .option('--json', 'print one JSON object: ok, tables')
        .action(runTest),
    );
}

interface Sides {
  readonly source: OpenSession;
  readonly target: OpenSession;
}

async function withSessions(config: string, work: (sides: Sides, pipeline: LoadedPipeline) => Promise<void>) {
  const pipeline = await loadPipeline(config);
  const open = async (side: 'source' | 'target') =>
    openSession(side, await connect(side, pipeline[side].url, { applicationName: 'ferry map' }));
  const source = await open('source');
  try {
    const target = await open('target');
    try {
      await work({ source, target }, pipeline);
    } finally {
      await target.end();
    }
  } finally {
    await source.end();
  }
}

async function runTrace(
  name: string,
  key: readonly string[],
  flags: { readonly config: string; readonly json?: true },
): Promise<void> {
  await withSessions(flags.config, async ({ target }, { tables }) => {
    const found = named(tables, name);
    const mapping = found.find(({ lineage }) => lineage);
    if (!mapping) {
      throw new FerryError('usage', `${name} keeps no lineage: its rows have the keys that they have in the source`);
    }
    const side = [displayName, formatQualifiedName].some((form) => form(mapping.target) === name) ? 'target' : 'source';
    const rows = await traceRow(target.about(displayName(mapping.target)), mapping, { side, key });
    if (rows.length === 0) process.exitCode = NOT_READY;
    if (flags.json) return printJson({ ok: rows.length > 0, target: displayName(mapping.target), rows });
    if (rows.length === 0) return printLine(`no row of ${name} has the key (${key.join(', ')})`);
    printTable(
      ['source', 'key', displayName(mapping.target), ''],
      rows.map((row) => [
        row.source,
        row.key.map(text).join(', '),
        row.targetKey.map(text).join(', '),
        row.stands ? 'stands' : 'behind it',
      ]),
    );
  });
}

/** @throws FerryError `usage` for a name that no table has. */
function named(tables: readonly TableMapping[], name: string): TableMapping[] {
  const found = tables.filter(({ source, target }) =>
    [source, target].some((side) => displayName(side) === name || formatQualifiedName(side) === name),
  );
  if (found.length > 0) return found;
  throw new FerryError('usage', `the mapping has no table ${name} on either side`, {
    remedy: 'Name it as mapping/*.yaml does; ferry table list shows all.',
  });
}

async function runExplain(name: string, flags: { readonly config: string; readonly json?: true }): Promise<void> {
  await withSessions(flags.config, async ({ source, target }, { tables }) => {
    const explained: Explanation[] = [];
    for (const mapping of named(tables, name)) {
      explained.push(
        explainTable(
          mapping,
          await readTableCatalog(source.about(displayName(mapping.source)), mapping.source),
          await readTableCatalog(target.about(displayName(mapping.target)), mapping.target),
        ),
      );
    }
    if (flags.json) return printJson({ ok: true, tables: explained });
    for (const explanation of explained) printExplanation(explanation);
  });
}

function printExplanation(explanation: Explanation): void {
  const { source, target, place, join, lineage, filteredBy, columns, left, unfilled } = explanation;
  printLine(`${source} -> ${target} (${place})${explanation.isMove ? ': rows move as they are' : ''}`);
  printTable(
    ['column', 'type', 'from', 'rule'],
    columns.map((column) => [
      column.target,
      column.targetType ?? 'NOT THERE',
      column.from.map(({ column: name, type }) => `${name} ${type ?? 'NOT THERE'}`).join(', '),
      column.rule ? JSON.stringify(column.rule) : '',
    ]),
    { wrap: 3 },
  );
  if (filteredBy.length > 0) printLine(`only some rows: where reads ${filteredBy.join(', ')}`);
  if (join) printLine(JOINED[join]);
  if (lineage) printLine(explainLineage(lineage));
  if (left.length > 0) printLine(`left behind: ${left.join(', ')}`);
  if (unfilled.length > 0) printLine(`filled by nothing: ${unfilled.join(', ')}`);
  printLine();
}

const JOINED = {
  rows: 'joined: other tables bring other rows of it, or columns of these',
  part: 'joined, a part: it changes its columns of rows that another table brings',
} as const;

function explainLineage({ sources, unique }: ExplainedLineage): string {
  if (sources.length === 1) return 'the target keeps of each row which row of the source it is of';
  const one = unique.length > 0 ? `; rows that are equal in ${unique.join(', ')} are one, of the first of these` : '';
  return `merged: ${sources.join(', ')}${one}`;
}

interface TestFlags {
  readonly config: string;
  readonly table?: readonly string[];
  readonly rows: string;
  readonly all?: true;
  readonly json?: true;
}

async function runTest(flags: TestFlags): Promise<void> {
  if (!/^\d{1,5}$/.test(flags.rows)) throw new FerryError('usage', `--rows ${flags.rows}: not a number up to 99999`);
  await withSessions(flags.config, async ({ source, target }, pipeline) => {
    const { tables } = pipeline;
    const kit = await ruleKitOf(pipeline);
    const chosen = flags.table?.flatMap((name) => named(tables, name)) ?? tables.filter((table) => !isMove(table));
    const tested: TableTest[] = [];
    for (const mapping of chosen) {
      const sessions = {
        source: source.about(displayName(mapping.source)),
        target: target.about(displayName(mapping.target)),
      };
      tested.push(await testTable(sessions, mapping, flags.all ? { kit } : { kit, sample: Number(flags.rows) }));
    }
    const ok = tested.every(({ problemsTotal }) => problemsTotal === 0);
    if (flags.json) printJson({ ok, tables: tested });
    else for (const test of tested) printTest(test, tables);
    if (!flags.json && tested.length === 0) printLine('no table has rules: all rows move as they are');
    if (!ok) process.exitCode = NOT_READY;
  });
}

function printTest(test: TableTest, tables: readonly TableMapping[]): void {
  const { source, target, rows, filtered, samples, problems, problemsTotal } = test;
  printLine(`${source} -> ${target}: ${rows} rows read, ${filtered} do not move, ${problemsTotal} are refused`);
  const mapping = tables.find((table) => displayName(table.source) === source && displayName(table.target) === target)!;
  for (const { source: before, target: after } of samples) {
    printTable(
      ['column', 'becomes', 'of'],
      after ? sideBySide(mapping, before, after) : [['', 'nothing: it does not move', shown(before)]],
    );
  }
  for (const { key, column, message } of problems) printLine(`(${key}) ${column}: ${message}`);
  if (problemsTotal > problems.length) printLine(`and ${problemsTotal - problems.length} more`);
  printLine();
}

type Texts = Readonly<Record<string, string | null>>;

function sideBySide({ rename, rules }: TableMapping, before: Texts, after: Texts): string[][] {
  const sourceOf = new Map([...rename].map(([from, to]) => [to, from]));
  return Object.entries(after).map(([name, value]) => {
    const rule = rules?.columns.get(name);
    const inputs = rule ? inputsOf(rule) : [sourceOf.get(name) ?? name];
    return [name, text(value), inputs.map((input) => `${input} ${text(before[input] ?? null)}`).join(', ')];
  });
}

const shown = (texts: Texts) =>
  Object.entries(texts)
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ');

/** Values are data: what could move the cursor is quoted, what is long is cut. */
function text(value: string | null): string {
  if (value === null) return 'null';
  const cut = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value;
  return /^[\w .:@+/-]+$/.test(cut) ? cut : JSON.stringify(cut);
}

const MAX_SHOWN = 60;
