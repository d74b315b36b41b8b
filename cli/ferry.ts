import { Command, CommanderError } from 'commander';
import { toFerryError } from '../core/errors.js';
import { checkCommand } from './check.js';
import { cutoverCommand } from './cutover.js';
import { deadLetterCommand } from './dead-letter.js';
import { demoCommand } from './demo.js';
import { hidePasswords } from './hide-arguments.js';
import { initCommand } from './init.js';
import { replayCommand } from './replay.js';
import { resyncCommand } from './resync.js';
import { serviceCommands } from './services.js';
import { statusCommand } from './status.js';
import { tableCommand } from './table.js';
import { upCommand } from './up.js';
import { verifyCommand } from './verify.js';

/** Runs the command line; sets the exit code: 0, 1 failed, 2 usage or configuration, 3 not ready. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('ferry')
    .description('Moves a live PostgreSQL database into domain schemas of a new project, through an event log.')
    .showHelpAfterError('(see --help)')
    .exitOverride();
  const commands = [
    demoCommand(),
    initCommand(),
    checkCommand(),
    upCommand(),
    statusCommand(),
    verifyCommand(),
    cutoverCommand(),
    replayCommand(),
    tableCommand(),
    deadLetterCommand(),
    resyncCommand(),
    ...serviceCommands(),
  ];
  hidePasswords(argv);
  for (const command of commands) program.addCommand(inherit(command));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error, argv.includes('--json'));
  }
}

/** Subcommands made elsewhere do not inherit what their parent was told. */
function inherit(command: Command): Command {
  return command.exitOverride().showHelpAfterError('(see --help)');
}

function report(error: unknown, asJson: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (asJson) writeJson({ code: 'usage', message: error.message, remedy: 'See --help.' });
    return 2;
  }
  const { code, message, remedy, policy, cause } = toFerryError(error);
  if (asJson) writeJson({ code, message, remedy });
  process.stderr.write(`error: ${message}\n  next: ${remedy}\n`);
  if (code === 'internal') process.stderr.write(`${(cause as Error)?.stack ?? ''}\n`);
  return policy.exit;
}

function writeJson(error: { code: string; message: string; remedy: string }): void {
  process.stdout.write(`${JSON.stringify({ ok: false, error })}\n`);
}
