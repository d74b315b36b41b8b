import { join } from 'node:path';
import { Command } from 'commander';
import { formatOneWay } from '../core/mapping/invert/one-way.js';
import { loadPipeline, readPipelineFiles } from '../platform/load-pipeline.js';
import { connect, type Side } from '../platform/postgres.js';
import { counted } from '../services/control/preflight/finding.js';
import { type WayBackResult, writeWayBack } from '../services/control/way-back/write-way-back.js';
import { printJson, printLine, printTable } from './output.js';

const EXAMPLE = `
What is written is a pipeline as any other, from the new project to the old one: read it, correct it, keep it with the first.

Example:
  $ ferry way-back -c config/mine
  $ ferry check -c config/mine/back

Exit code: 0 written, whatever is one-way, 2 configuration or files that are there, 3 nothing can come back yet.`;

interface Options {
  readonly config: string;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

export function wayBackCommand(): Command {
  return new Command('way-back')
    .description('write the pipeline that brings back what is written to the new project; changes no database')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--out <dir>', 'directory to write (default: back, in that of the pipeline)')
    .option('--force', 'write over the way back that is there: pipeline.yaml, and all of mapping/')
    .option('--json', 'print one JSON object: ok, directory, name, tables, oneWay, files, next')
    .addHelpText('after', EXAMPLE)
    .action(wayBack);
}

async function wayBack({ config, out, force, json }: Options): Promise<void> {
  const pipeline = await loadPipeline(config);
  const files = await readPipelineFiles(config);
  const settings = { lock_timeout: '5000', statement_timeout: '60000' };
  const open = (side: Side) => connect(side, pipeline[side].url, { applicationName: 'ferry way-back', settings });
  const source = await open('source');
  try {
    const target = await open('target');
    try {
      const directory = out ?? join(config, 'back');
      const result = await writeWayBack(files, { source, target }, { directory, force: force ?? false });
      if (json) printJson(result);
      else printResult(result);
    } finally {
      await target.end();
    }
  } finally {
    await source.end();
  }
}

function printResult({ directory, name, tables, oneWay, files, next }: WayBackResult): void {
  printTable(
    ['from', 'back to'],
    tables.map(({ source, target }) => [source, target]),
  );
  if (oneWay.length > 0) printLine(`\n${counted(oneWay.length, 'thing')} of it one-way:`);
  for (const one of oneWay) printLine(`  ${formatOneWay(one)}`);
  printLine(`\n${name} written to ${directory}: ${files.join(', ')}`);
  printLine(['next:', ...next].join('\n  '));
}
