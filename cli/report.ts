import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { POLICY } from '../core/errors.js';
import { ensureControlSchema } from '../platform/control-schema.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { migrationReport, toMarkdown } from '../services/control/report/migration-report.js';
import { readMigrationFacts } from '../services/control/report/read-facts.js';
import { printJson, printLine } from './output.js';

const EXAMPLE = `
Example:
  $ ferry report -c config/mine --out migration.md

From what the target keeps: the last comparison of each table, the cutover and its write pause, and what was done by whom.
Exit code: 0 no criterion is missed, 3 one is, 1 failed, 2 usage.`;

interface ReportFlags {
  readonly config: string;
  readonly out?: string;
  readonly json?: true;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('rows before and after, write pause, rollback time: what a migration is judged by, in Markdown')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--out <file>', 'write it there')
    .option(
      '--json',
      'print one JSON object: ok, pipeline, serving, mapped, criteria, tables, deadLetters, cutover, acts',
    )
    .addHelpText('after', EXAMPLE)
    .action(runReport);
}

async function runReport({ config, out, json }: ReportFlags): Promise<void> {
  const pipeline = await loadPipeline(config);
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry report' });
  try {
    await ensureControlSchema(target);
    const report = migrationReport(await readMigrationFacts(target, pipeline));
    if (out !== undefined) await writeFile(out, toMarkdown(report));
    if (json) printJson(report);
    else if (out === undefined) process.stdout.write(toMarkdown(report));
    else printLine(`written to ${out}`);
    if (!report.ok) process.exitCode = POLICY.mismatch.exit;
  } finally {
    await target.end().catch(() => {});
  }
}
