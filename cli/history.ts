import { Command } from 'commander';
import { ensureControlSchema } from '../platform/control-schema.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { readActs } from '../services/control/history/acts.js';
import { printJson, printTable } from './output.js';
import { parseWholeNumber } from './whole-number.js';

const EXAMPLE = `
Example:
  $ ferry history -c config/mine --limit 20

What was done by ferry's commands, kept in the target. Migrations have their own: ferry db history.`;

interface HistoryFlags {
  readonly config: string;
  readonly limit: number;
  readonly json?: true;
}

export function historyCommand(): Command {
  return new Command('history')
    .description('who did what to the pipeline, and when; the newest first')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--limit <n>', 'how many', parseWholeNumber, 50)
    .option('--json', 'print one JSON object: ok, acts (at, act, subject, by, detail)')
    .addHelpText('after', EXAMPLE)
    .action(runHistory);
}

async function runHistory({ config, limit, json }: HistoryFlags): Promise<void> {
  const pipeline = await loadPipeline(config);
  const target = await connect('target', pipeline.target.url, { applicationName: 'ferry history' });
  try {
    await ensureControlSchema(target);
    const acts = await readActs(target, pipeline.name, limit);
    if (json) return printJson({ ok: true, acts });
    printTable(
      ['at', 'what', 'of', 'by', 'detail'],
      acts.map(({ at, act, subject, by, detail }) => [at, act, subject ?? '', by, inWords(detail)]),
      { wrap: 4 },
    );
  } finally {
    await target.end().catch(() => {});
  }
}

function inWords(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}
