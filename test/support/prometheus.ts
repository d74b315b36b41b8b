import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

export const MONITORING = fileURLToPath(new URL('../../monitoring/', import.meta.url));

/** One series of an answer to an instant query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface RunningPrometheus {
  query(expression: string): Promise<Sample[]>;
  stop(): Promise<void>;
}

/**
 * Runs promtool.
 * @returns what it printed.
 * @throws Error with what it printed when it found something wrong, or there is none.
 */
export async function promtool(args: readonly string[], stdin = ''): Promise<string> {
  const running = promisify(execFile)('promtool', [...args]);
  running.child.stdin?.end(stdin);
  try {
    const { stdout, stderr } = await running;
    return `${stdout}${stderr}`;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error("promtool is not on the PATH (Debian's package prometheus has it)");
    throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`);
  }
}

/**
 * A Prometheus with the project's configuration and rules, which differs in the addresses that it scrapes, each second.
 * @param targets host:port of each service.
 */
export async function startPrometheus(targets: readonly string[]): Promise<RunningPrometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-prometheus-'));
  await cp(join(MONITORING, 'alerts.yml'), join(directory, 'alerts.yml'));
  const config = parse(await readFile(join(MONITORING, 'prometheus.yml'), 'utf8'));
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  config.scrape_configs[0].static_configs = [{ targets }];
  const file = join(directory, 'prometheus.yml');
  await writeFile(file, stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [`--config.file=${file}`, `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=${address}`],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await eventually(async () => (await fetch(`http://${address}/-/ready`)).ok, { what: 'Prometheus' });
  } catch (error) {
    await stop();
    throw error;
  }
  return { query: (expression) => query(address, expression), stop };
}

async function query(address: string, expression: string): Promise<Sample[]> {
  const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}
