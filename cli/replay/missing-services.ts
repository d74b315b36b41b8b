import { hasEnded, type ServiceName } from '../../core/service-report.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { createLogger } from '../../platform/logger.js';
import { Supervisor } from '../../platform/supervisor.js';
import { readReports, readWorking } from '../../services/control/status/read-reports.js';

/** One that hangs on a busy machine must not get a rival: each would take the partitions from the other, again and again. */
const SURELY_GONE_MS = 20_000;

/** Services that a replay has started, because nobody said that they were at work; they end with it. */
export class MissingServices {
  readonly #log: EventLog;
  readonly #config: string;
  readonly #onRefused: (error: unknown) => void;
  readonly #ours = new Set<ServiceName>();
  readonly #supervisors: Supervisor[] = [];

  /** @param onRefused one of them will not run at all. */
  constructor(log: EventLog, config: string, onRefused: (error: unknown) => void) {
    this.#log = log;
    this.#config = config;
    this.#onRefused = onRefused;
  }

  /** Starts those of the needed ones that do not report themselves at work. */
  async start(needed: readonly ServiceName[]): Promise<void> {
    return this.#startAllBut(await readWorking(this.#log), needed);
  }

  /** Starts those that have died since, or were dying at the start. */
  async startGone(needed: readonly ServiceName[]): Promise<void> {
    const since = Date.now() - SURELY_GONE_MS;
    const reports = (await readReports(this.#log)).filter((one) => !hasEnded(one) && Date.parse(one.at) > since);
    return this.#startAllBut(new Set(reports.map(({ service }) => service)), needed);
  }

  async #startAllBut(working: ReadonlySet<ServiceName>, needed: readonly ServiceName[]): Promise<void> {
    const services = needed.filter((service) => !working.has(service) && !this.#ours.has(service));
    if (services.length === 0) return;
    for (const service of services) this.#ours.add(service);
    // The port that the environment names for a service is that of another one where this runs beside it.
    const env = { ...process.env, FERRY_HTTP_PORT: '0' };
    const options = { services, config: this.#config, env, logger: createLogger('replay') };
    const supervisor = new Supervisor({ ...options, stderr: 'inherit' });
    this.#supervisors.push(supervisor);
    supervisor.ended().catch(this.#onRefused);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.stop()));
  }
}
