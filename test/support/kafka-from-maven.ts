import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../platform/package-root.js';

const run = promisify(execFile);

/** As in maven/pom.xml. */
const VERSION = '4.1.0';
const POM = join(packageRoot(), 'test', 'support', 'maven', 'pom.xml');
const CACHE = join(packageRoot(), 'node_modules', '.cache');

/** A broker that is asked to end writes its logs out first; one that hangs is killed. */
const STOP_TIMEOUT_MS = 10_000;

export interface MavenKafka {
  readonly version: string;
  /** Process id of the broker that runs now, or ran last. */
  readonly pid: number;
  /** Rejects when the broker ends by itself, with the end of what it said. */
  readonly failed: Promise<never>;
  /** Kills the broker; its data stays. */
  down(): Promise<void>;
  /** Starts it again, with the same data at the same address. */
  up(): void;
  /** Ends the broker and removes its data. */
  stop(): Promise<void>;
}

/** What a broker's Java is told: little memory, and no optimizing compiler, which would take the tests' two cores for minutes. */
export const SHORT_LIVED = { heap: '-Xmx384m', performance: ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'] };

/** As Kafka's own start script has it, for measurements. */
export const AS_IN_PRODUCTION = [
  '-Xmx1G',
  '-Xms1G',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-XX:MaxInlineLevel=15',
];

export interface BrokerOptions {
  /** Of the cluster it belongs to; without, it is one alone. */
  readonly quorum?: Quorum;
  /** Options of Java. */
  readonly java?: readonly string[];
}

/** Makes a broker one of several. */
export interface Quorum {
  readonly clusterId: string;
  /** `<node id>@<host>:<controller port>` of each, comma-separated. */
  readonly voters: string;
}

/**
 * Starts a broker from Maven's jars on the loopback interface, broker and controller in one process, with data of its
 * own.
 * @param settings server.properties without the data directory; addresses of its own stand in for the ones of `ports`.
 * @throws Error when Java or Maven is missing, or the jars cannot be had.
 */
export async function startMavenKafka(
  settings: Readonly<Record<string, string>>,
  ports: { broker: number; controller: number },
  { quorum, java = [SHORT_LIVED.heap, ...SHORT_LIVED.performance] }: BrokerOptions = {},
): Promise<MavenKafka> {
  const classpath = join(await libraries(), '*');
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-kafka-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const properties = join(directory, 'server.properties');
    const controllers: Record<string, string> = quorum
      ? { 'controller.quorum.voters': quorum.voters }
      : { 'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}` };
    await writeFile(properties, propertiesText({ ...settings, ...controllers }, ports, join(directory, 'data')));
    const cluster = quorum ? ['-t', quorum.clusterId] : ['--standalone', '-t', newClusterId()];
    await run('java', ['-cp', classpath, 'kafka.tools.StorageTool', 'format', ...cluster, '-c', properties]);
    const spawnIt = () => spawnBroker([...java, '-cp', classpath, 'kafka.Kafka', properties], directory);
    let broker = spawnIt();
    return {
      version: VERSION,
      get pid() {
        return broker.pid;
      },
      failed: broker.failed,
      down: () => broker.end('SIGKILL'),
      up: () => {
        broker = spawnIt();
        broker.failed.catch(() => {});
      },
      stop: async () => {
        await broker.end('SIGTERM');
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function propertiesText(
  settings: Readonly<Record<string, string>>,
  ports: { broker: number; controller: number },
  data: string,
): string {
  const all = {
    listeners: `PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.broker}`,
    ...settings,
    'log.dirs': data,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

interface Broker {
  readonly pid: number;
  readonly failed: Promise<never>;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

function spawnBroker(args: readonly string[], directory: string): Broker {
  const broker = spawn('java', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  broker.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-1_000);
  });
  const exited = once(broker, 'exit');
  const failed = exited.then(([code, signal]): never => {
    throw new Error(`the broker ended (${signal ?? code}) ${said.trim()}`);
  });
  // Whatever ends the tests, the broker ends with them.
  const onExit = () => {
    broker.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', onExit);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    process.off('exit', onExit);
    broker.kill(signal);
    const timer = setTimeout(() => broker.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  return { pid: broker.pid!, failed, end };
}

/** Runs a tool of Kafka's to its end. */
export async function runKafkaTool(mainClass: string, args: readonly string[]): Promise<void> {
  await run('java', ['-cp', join(await libraries(), '*'), mainClass, ...args]);
}

/** The directory of the jars, fetched by Maven the first time. */
async function libraries(): Promise<string> {
  const directory = join(CACHE, `kafka-${VERSION}`);
  if (existsSync(directory)) return directory;
  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(`${directory}-`);
  try {
    await run('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`]);
    // Under its name only when complete; another run that was faster has fetched the same.
    await rename(partial, directory).catch(() => {});
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return directory;
}

/** Kafka's way to write a UUID: 22 characters, of which the first must not look like an option's. */
export function newClusterId(): string {
  return `k${randomBytes(16).toString('base64url').slice(1, 22)}`;
}
