import { execFile } from 'node:child_process';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startKafka } from './kafka.js';
import { type MissingServer, startPostgres } from './postgres.js';
import type { ProvidedServers } from './servers.js';

interface RunningServer {
  readonly source: string;
  stop(): Promise<void>;
}

/**
 * Starts both PostgreSQL servers and Kafka for the run, and gives the tests their addresses.
 * @returns what stops them.
 * @throws Error with CI=true when one cannot be had: there, a test that did not run is a failure.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const starting = Promise.all([
    orMissing(startPostgres('source')),
    orMissing(startPostgres('target')),
    orMissing(startKafka()),
    findOpenssl(),
  ]);
  const stop = once(async () => stopAll(await starting));
  stopOnSignals(stop);
  const [source, target, kafka, openssl] = await starting;
  const named = Object.entries({ 'source PostgreSQL': source, 'target PostgreSQL': target, Kafka: kafka, openssl });
  const missing = named.flatMap(([server, outcome]) =>
    'missing' in outcome ? [{ server, reason: outcome.missing }] : [],
  );
  if (process.env.CI === 'true' && missing.length > 0) {
    await stop();
    throw new Error(missing.map(({ server, reason }) => `the tests have no ${server}: ${reason}`).join('\n'));
  }
  project.provide('servers', {
    sourceServer: 'missing' in source ? undefined : source.url,
    targetServer: 'missing' in target ? undefined : target.url,
    brokers: 'missing' in kafka ? undefined : kafka.brokers,
    hasOpenssl: !('missing' in openssl),
    missing,
  } satisfies ProvidedServers);
  const origins = named.map(([server, outcome]) => `${server}: ${'missing' in outcome ? 'none' : outcome.source}`);
  process.stdout.write(`\nServers of the tests:\n  ${origins.join('\n  ')}\n`);
  return stop;
}

/** What makes the certificates of tests. */
async function findOpenssl(): Promise<RunningServer | MissingServer> {
  try {
    const { stdout } = await promisify(execFile)('openssl', ['version']);
    return { source: stdout.trim(), stop: async () => {} };
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

/** Takes the signals over from vitest, which exits at once and so leaves running what it has started. */
function stopOnSignals(stop: () => Promise<void>): void {
  let isStopping = false;
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    const exit = () => process.exit(128 + constants.signals[signal]);
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (isStopping) exit();
      isStopping = true;
      void stop().finally(exit);
    });
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

async function orMissing<T>(starting: Promise<T | MissingServer>): Promise<T | MissingServer> {
  try {
    return await starting;
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

async function stopAll(servers: readonly (RunningServer | MissingServer)[]): Promise<void> {
  const stopped = await Promise.allSettled(servers.map((server) => ('missing' in server ? undefined : server.stop())));
  const errors = stopped.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (errors.length > 0) throw new AggregateError(errors, `could not stop a server: ${errors.map(String).join('; ')}`);
}
