import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../platform/logger.js';
import { Supervisor } from '../platform/supervisor.js';
import { cpuSeconds, peakMb } from './processes.js';

const SERVICES = ['capture', 'transform', 'apply'] as const;

export interface ServiceUse {
  readonly cpuSeconds: number;
  /** Of the largest service. */
  readonly peakMb: number;
}

/** The pipeline under measurement, with its configuration in a directory of its own. */
export class FerryPipeline {
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;
  #supervisor: Supervisor | undefined;

  private constructor(directory: string, env: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.#env = env;
  }

  static async create(options: {
    directory: string;
    name: string;
    sourceUrl: string;
    targetUrl: string;
    brokers: readonly string[];
    /** Mapping files' texts by name. */
    mapping: Readonly<Record<string, string>>;
  }): Promise<FerryPipeline> {
    const { directory, name, sourceUrl, targetUrl, brokers, mapping } = options;
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, 'mapping'), { recursive: true });
    const pipeline = `pipeline: ${name}\nsource: {url: "\${SOURCE_URL}"}\ntarget: {url: "\${TARGET_URL}"}\nlog: {brokers: "\${KAFKA_BROKERS:-}", directory: log}\n`;
    await writeFile(join(directory, 'pipeline.yaml'), pipeline);
    for (const [file, text] of Object.entries(mapping)) await writeFile(join(directory, 'mapping', file), text);
    const env = { ...process.env, SOURCE_URL: sourceUrl, TARGET_URL: targetUrl, KAFKA_BROKERS: brokers.join(',') };
    return new FerryPipeline(directory, env);
  }

  async start(): Promise<void> {
    const log = await open(join(this.#directory, 'services.log'), 'a');
    this.#supervisor = new Supervisor({
      services: SERVICES,
      config: this.#directory,
      env: this.#env,
      logger: silentLogger,
      stderr: log.fd,
    });
    this.#supervisor
      .ended()
      .finally(() => log.close())
      .catch(() => {});
  }

  /** What the services have used since they were started. */
  use(): ServiceUse {
    const pids = SERVICES.map((service) => this.#supervisor!.pid(service)!);
    return {
      cpuSeconds: pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
      peakMb: Math.max(...pids.map(peakMb)),
    };
  }

  async stop(): Promise<void> {
    await this.#supervisor?.stop();
    this.#supervisor = undefined;
    // The walsender notices a moment later that its client is gone.
    await sleep(200);
  }
}
