import { createLogger } from '../../platform/logger.js';
import { applicationOf } from './applications.js';
import { auditWrites } from './audit.js';
import { startWriter } from './writer.js';

/**
 * The demo's application as a process of its own.
 *
 * Environment: SOURCE_URL, TARGET_URL, PIPELINE; APPLICATION, the ready pipeline whose old project it is (default
 * growth-split); RATE in transactions a second (default 300), CONNECTIONS (4), SEED (1).
 * Prints one JSON object a second on standard output, and after SIGTERM or SIGINT, once everything under way has been
 * answered, a last one with `done: true`. Exit code 1 when it could not start, or when a write was lost.
 */
const log = createLogger('demo-writer');
const STATUS_INTERVAL_MS = 1_000;

try {
  process.exitCode = (await main(process.env)) ? 0 : 1;
} catch (error) {
  log.error({ err: error }, 'the demo application failed');
  process.exitCode = 1;
}

async function main(env: NodeJS.ProcessEnv): Promise<boolean> {
  const urls = { source: required(env, 'SOURCE_URL'), target: required(env, 'TARGET_URL') };
  const application = applicationOf(env.APPLICATION || 'growth-split');
  const stopped = signalled();
  const writer = await startWriter({
    application,
    sourceUrl: urls.source,
    targetUrl: urls.target,
    pipeline: required(env, 'PIPELINE'),
    ratePerSecond: positive(env, 'RATE', 300),
    connections: positive(env, 'CONNECTIONS', 4),
    seed: positive(env, 'SEED', 1),
  });
  const timer = setInterval(() => void writer.status().then(print), STATUS_INTERVAL_MS);
  await stopped;
  clearInterval(timer);
  const report = await writer.stop();
  const audit = await auditWrites(application, { side: report.side, url: urls[report.side] }, report.claim);
  print({ done: true, ...report, lost: audit.lost.length, audit });
  return audit.ok;
}

/** A second signal ends the process as it always does. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`the environment variable ${name} is not set`);
  return value;
}

function positive(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const value = Number(env[name] || fallback);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name} must be a whole number of at least 1, not ${JSON.stringify(env[name])}`);
  }
  return value;
}
