import { Command, CommanderError } from 'commander';
import { packageVersion } from '../platform/package-root.js';
import { hidePasswords } from './hide-arguments.js';

/** In the order of the help. A module is loaded for its command alone: a service starts, and holds, no more than it needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./demo.js')).demoCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  init: async () => (await import('./init.js')).initCommand(),
  map: async () => (await import('./map.js')).mapCommand(),
  schema: async () => (await import('./schema.js')).schemaCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  up: async () => (await import('./up.js')).upCommand(),
  status: async () => (await import('./status.js')).statusCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  'compare-reads': async () => (await import('./compare-reads.js')).compareReadsCommand(),
  rollout: async () => (await import('./rollout.js')).rolloutCommand(),
  'way-back': async () => (await import('./way-back.js')).wayBackCommand(),
  cutover: async () => (await import('./cutover.js')).cutoverCommand(),
  rollback: async () => (await import('./cutover.js')).rollbackCommand(),
  report: async () => (await import('./report.js')).reportCommand(),
  history: async () => (await import('./history.js')).historyCommand(),
  finish: async () => (await import('./finish.js')).finishCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  table: async () => (await import('./table.js')).tableCommand(),
  'dead-letter': async () => (await import('./dead-letter.js')).deadLetterCommand(),
  resync: async () => (await import('./resync.js')).resyncCommand(),
  db: async () => (await import('./db.js')).dbCommand(),
  capture: async () => (await import('./services.js')).captureCommand(),
  transform: async () => (await import('./services.js')).transformCommand(),
  apply: async () => (await import('./services.js')).applyCommand(),
  control: async () => (await import('./services.js')).controlCommand(),
};

/** Runs the command line; sets the exit code: 0, 1 failed, 2 usage or configuration, 3 not ready. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('ferry')
    .description('Moves a live PostgreSQL database into domain schemas of a new project, through an event log.')
    .version(packageVersion())
    // `--version` is an option of `db new`, too.
    .enablePositionalOptions()
    .showHelpAfterError('(see --help)')
    .exitOverride();
  hidePasswords(argv);
  const named = COMMANDS[argv[2] ?? ''];
  const commands = await Promise.all((named ? [named] : Object.values(COMMANDS)).map((load) => load()));
  for (const command of commands) program.addCommand(inherit(command));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = await report(error, argv.includes('--json'));
  }
}

/** Subcommands made elsewhere do not inherit what their parent was told. */
function inherit(command: Command): Command {
  return command.exitOverride().showHelpAfterError('(see --help)');
}

async function report(error: unknown, asJson: boolean): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (asJson) writeJson({ code: 'usage', message: error.message, remedy: 'See --help.' });
    return 2;
  }
  const { classifyUnnamed } = await import('../platform/postgres.js');
  const { code, message, remedy, policy, cause } = classifyUnnamed(error);
  if (asJson) writeJson({ code, message, remedy });
  process.stderr.write(`error: ${message}\n  next: ${remedy}\n`);
  if (code === 'internal') process.stderr.write(`${(cause as Error)?.stack ?? ''}\n`);
  return policy.exit;
}

function writeJson(error: { code: string; message: string; remedy: string }): void {
  process.stdout.write(`${JSON.stringify({ ok: false, error })}\n`);
}
