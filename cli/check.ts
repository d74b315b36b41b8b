import { Command } from 'commander';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect, type Side } from '../platform/postgres.js';
import { counted, type Finding } from '../services/control/preflight/finding.js';
import { isReady, runPreflight } from '../services/control/preflight/run-preflight.js';
import { printJson, printLine, printTable } from './output.js';
import { readTargetMigrations } from './target-migrations.js';

const NOT_READY = 3;

const EXAMPLE = `
Example:
  $ ferry check -c config/mine

Exit code: 0 ready (warnings at most), 3 not ready, 2 configuration, 1 a database cannot be reached.`;

export function checkCommand(): Command {
  return new Command('check')
    .description('look at both databases and say what stands against moving them; changes nothing')
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--json', 'print one JSON object: ok, findings')
    .addHelpText('after', EXAMPLE)
    .action(check);
}

async function check(options: { readonly config: string; readonly json?: true }): Promise<void> {
  const pipeline = await loadPipeline(options.config);
  // A lock that a migration holds on a table must not hold the check up.
  const settings = { lock_timeout: '5000', statement_timeout: '60000' };
  const open = (side: Side) => connect(side, pipeline[side].url, { applicationName: 'ferry check', settings });
  const source = await open('source');
  try {
    const target = await open('target');
    try {
      const targetMigrations = () => readTargetMigrations(pipeline);
      const findings = await runPreflight(pipeline, { source, target, targetMigrations });
      const ok = isReady(findings);
      if (options.json) printJson({ ok, findings });
      else printFindings(findings);
      if (!ok) process.exitCode = NOT_READY;
    } finally {
      await target.end();
    }
  } finally {
    await source.end();
  }
}

/** Errors first; remedies below the table, unwrapped, so that a statement can be copied. */
function printFindings(findings: readonly Finding[]): void {
  const shown = (['error', 'warn'] as const).flatMap((level) => findings.filter((finding) => finding.level === level));
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  if (shown.length > 0) {
    const rows = shown.map((finding, index) => [
      String(index + 1),
      finding.level,
      finding.side,
      finding.check,
      finding.message,
    ]);
    printTable(['#', 'level', 'side', 'check', 'what'], rows, { wrap: 4 });
    printLine();
    shown.forEach((finding, index) => {
      if (finding.remedy) printLine(`${index + 1}. ${finding.remedy}`);
    });
    printLine();
  }
  printLine(`${counted(count('error'), 'error')}, ${counted(count('warn'), 'warning')}, ${count('ok')} ok`);
  const oneWay = findings.filter(({ check, object }) => check === 'way-back' && object !== undefined);
  if (oneWay.length > 0) printLine(`one-way after a cutover: ${counted(oneWay.length, 'thing')}; --json names each`);
  printLine(isReady(findings) ? 'ready: `ferry up` can start' : 'not ready: correct the errors and check again');
}
