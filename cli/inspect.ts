import { Command, Option } from 'commander';
import { FerryError } from '../core/errors.js';
import { connect } from '../platform/postgres.js';
import { configFiles } from '../services/control/init/config-files.js';
import { pipelineName } from '../services/control/init/pipeline-name.js';
import { refuseExistingFiles, writeNewFiles } from '../services/control/init/write-files.js';
import { type Inspection, inspectSource } from '../services/control/inspect/inspect-source.js';
import { parseDuration } from './duration.js';
import { printReport } from './inspect/print-report.js';
import { inspectProgress } from './inspect/progress.js';
import { writePicture } from './inspect/write-picture.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Example:
  $ export SOURCE_URL=postgres://...
  $ ferry inspect --picture domains.md --out config/mine
  $ ferry check -c config/mine

One transaction that can write nothing; of rows only hashes of some leave the server. Existing files are never overwritten.`;

interface Options {
  readonly source?: string;
  readonly watch: number;
  readonly picture?: string;
  readonly out?: string;
  readonly name?: string;
  readonly json?: true;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('read a database that nobody understands: its tables, what belongs together, what is there twice')
    .addOption(new Option('--source <url>', 'the database').env('SOURCE_URL'))
    .option('--watch <time>', 'how long to count writes, at least: 500ms, 10s, 2m', parseDuration, 3_000)
    .option('--picture <file>', 'draw domains and foreign keys: Mermaid, in Markdown where the file ends in .md')
    .option('--out <dir>', 'write a first pipeline.yaml and mapping from the proposal')
    .option('--name <name>', 'of that pipeline (default: the name of the directory)')
    .option(
      '--json',
      'print one JSON object: ok, database, tables, domains, merges, hardcoded, findings, files, picture',
    )
    .addHelpText('after', EXAMPLE)
    .action(inspect);
}

async function inspect(options: Options): Promise<void> {
  // An empty variable counts as unset, as it does in pipeline.yaml.
  if (!options.source) throw new FerryError('usage', 'inspect needs --source, or SOURCE_URL in the environment');
  const out =
    options.out === undefined ? undefined : { directory: options.out, name: pipelineName(options.out, options.name) };
  if (out) await refuseExistingFiles(out.directory, ['pipeline.yaml']);
  if (options.picture !== undefined) await refuseExistingFiles('', [options.picture]);
  const { report, picture, content } = await look(options.source, options.watch);
  const files = out && content.assignment.tables.length > 0 ? configFiles({ name: out.name, ...content }) : [];
  if (out) {
    await refuseExistingFiles(
      out.directory,
      files.map(({ path }) => path),
    );
    await writeNewFiles(out.directory, files);
  }
  if (options.picture !== undefined) await writePicture(options.picture, picture);
  const written = { files: files.map(({ path }) => path), picture: options.picture };
  if (options.json) return printJson({ ok: true, ...report, ...written });
  printReport(report);
  if (options.picture !== undefined) printLine(`\ndrawn in ${options.picture}`);
  if (out) printWritten(out.directory, written.files);
}

async function look(source: string, watchMs: number): Promise<Inspection> {
  const settings = { default_transaction_read_only: 'on', lock_timeout: '5000', statement_timeout: '60000' };
  const client = await connect('source', source, { applicationName: 'ferry inspect', settings });
  const progress = inspectProgress();
  try {
    return await inspectSource(client, { watchMs, onProgress: progress.show });
  } finally {
    progress.close();
    await client.end();
  }
}

function printWritten(directory: string, files: readonly string[]): void {
  if (files.length === 0) return printLine('\nnothing was written: no table of this database can be moved as it is');
  printLine(`\nwritten to ${directory}: ${files.join(', ')}`);
  printLine(
    [
      'next:',
      `look through ${directory}/mapping, and move tables between its files as you see fit`,
      'export SOURCE_URL and TARGET_URL: the files refer to them and hold no URL',
      `ferry check -c ${directory}`,
    ].join('\n  '),
  );
}
