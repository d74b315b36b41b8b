import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { libpqConnectionString } from './connection-string.js';
import { everythingAt, type Flag, type Side } from './rollout.js';

export interface FlagWatchOptions {
  /** Connection URL of the target: the flag lives there. */
  readonly url: string;
  readonly pipeline: string;
  /** How old the flag may become while the connection stands. */
  readonly refreshMs: number;
  /** Called for every value that differs from the one before; the first counts as differing. */
  readonly onValue: (value: Flag) => void;
  /** A read that failed; the next is tried after `refreshMs`. */
  readonly onError: (error: Error) => void;
}

interface FlagRow {
  readonly serving: Side;
  readonly rollout_percent: number;
  readonly rollout_mode: string;
  readonly rollout_to: number | null;
  readonly routers_within_ms: number | null;
}

/** Through JSON what came later: a target that an older version has made does not have it. */
const READ = `SELECT serving, rollout_percent, rollout_mode, (to_jsonb(c) ->> 'rollout_to')::int AS rollout_to,
  (to_jsonb(c) ->> 'routers_within_ms')::int AS routers_within_ms FROM ferry.cutover c WHERE pipeline = $1`;

function flagOf(row: FlagRow): Flag {
  return {
    serving: row.serving,
    percent: row.rollout_percent,
    mode: row.rollout_mode,
    ...(row.rollout_to === null ? {} : { to: row.rollout_to }),
    ...(row.routers_within_ms === null ? {} : { routersWithinMs: row.routers_within_ms }),
  };
}

/** Undefined table: control has not yet made `ferry.cutover`, so nothing can have been cut over. */
const UNDEFINED_TABLE = '42P01';
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Follows the row of one pipeline in `ferry.cutover` over one connection: by LISTEN, and by reading it every `refreshMs`
 * for what a notification missed (a connection that broke, a pooler that does not pass them on).
 */
export class FlagWatch {
  readonly #options: FlagWatchOptions;
  #client: pg.Client | undefined;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #value: Flag | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isFailing = false;

  constructor(options: FlagWatchOptions) {
    this.#options = options;
  }

  /** The last value read; undefined before the first. */
  get value(): Flag | undefined {
    return this.#value;
  }

  /** How old the value may be: milliseconds since it was asked for; infinite before the first. */
  get ageMs(): number {
    return performance.now() - this.#askedAt;
  }

  /** The last read failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Reads the flag. Resolves also when that failed: then the value is as before, and `onError` has been told. */
  refresh(): Promise<void> {
    // A read that is under way may have looked before the change that the caller knows of: the one after it will do.
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      this.#reading = this.#read();
      return this.#reading;
    });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await (this.#next ?? this.#reading);
    await this.#client?.end();
  }

  async #read(): Promise<void> {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const askedAt = performance.now();
    try {
      const value = await this.#query();
      this.#askedAt = askedAt;
      this.#isFailing = false;
      this.#set(value);
    } catch (error) {
      this.#isFailing = true;
      this.#drop(this.#client);
      this.#options.onError(error as Error);
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.refresh(), this.#options.refreshMs);
  }

  async #query(): Promise<Flag> {
    this.#client ??= await this.#connect();
    try {
      const { rows } = await this.#client.query<FlagRow>(READ, [this.#options.pipeline]);
      return rows[0] ? flagOf(rows[0]) : everythingAt('source');
    } catch (error) {
      if ((error as { code?: string }).code === UNDEFINED_TABLE) return everythingAt('source');
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: libpqConnectionString(this.#options.url),
      application_name: `ferry-routing ${this.#options.pipeline}`,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
    });
    client.on('error', () => {
      if (this.#client !== client) return;
      this.#drop(client);
      void this.refresh();
    });
    client.on('notification', ({ payload }) => {
      if (payload === this.#options.pipeline) void this.refresh();
    });
    try {
      await client.connect();
      // A standby refuses it, and rightly: what is read there is as old as its replication.
      await client.query('LISTEN ferry_cutover');
      return client;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  #drop(client: pg.Client | undefined): void {
    if (this.#client === client) this.#client = undefined;
    // It is broken already; that it cannot say goodbye is no news.
    client?.end().catch(() => {});
  }

  #set(value: Flag): void {
    const before = this.#value;
    this.#value = value;
    if (!isDeepStrictEqual(before, value)) this.#options.onValue(value);
  }
}
