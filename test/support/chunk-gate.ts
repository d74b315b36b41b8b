import type { Client } from 'pg';
import { sourceObjectName } from '../../core/topics.js';
import { quoteIdentifier } from '../../platform/postgres.js';
import type { Pipeline } from './pipeline.js';

/**
 * Holds snapshot chunks in flight: each table's next chunk has its low watermark in the WAL and its snapshot taken, but
 * waits for a lock before it reads. What a test changes meanwhile is in the chunk's window, and not in the chunk.
 */
export class ChunkGate {
  readonly #pipeline: Pipeline;
  readonly #tables: readonly string[];
  /** One session a table. Each holds its table's lock, in a transaction. */
  #holding: readonly Client[];
  #idle: readonly Client[];

  private constructor(pipeline: Pipeline, tables: readonly string[], sessions: readonly Client[]) {
    this.#pipeline = pipeline;
    this.#tables = tables;
    this.#holding = sessions.slice(0, tables.length);
    this.#idle = sessions.slice(tables.length);
  }

  /**
   * Starts the pipeline and returns when the first chunk of every table is in flight.
   * @param tables all tables of the pipeline, which copies them all at once.
   */
  static async close(pipeline: Pipeline, tables: readonly string[]): Promise<ChunkGate> {
    const name = sourceObjectName(pipeline.config.name);
    // Beforehand, or capture would wait for all locks to be gone before it made them.
    await pipeline.source.query(`CREATE PUBLICATION ${quoteIdentifier(name)} FOR TABLE ${tables.join(', ')}`);
    await pipeline.source.query('SELECT pg_create_logical_replication_slot($1, $2)', [name, 'pgoutput']);
    const sessions = await Promise.all([...tables, ...tables].map(() => pipeline.connect('source')));
    const gate = new ChunkGate(pipeline, tables, sessions);
    await gate.#lock(gate.#holding);
    pipeline.start();
    // Capture looks at each table before it copies any.
    while ((await gate.#untilCaptureWaits()) !== 'reading') await gate.#turn();
    return gate;
  }

  /** The transaction that holds the table's lock: for changes that belong into the window. */
  holder(table: string): Client {
    return this.#holding[this.#tables.indexOf(table)]!;
  }

  /** Commits what the holders did, and returns when the chunk behind the one in flight is, of every table. */
  async toNextChunk(): Promise<void> {
    await this.#turn();
    await this.#untilCaptureWaits();
  }

  /** Commits what the holders did, and holds nothing any more. */
  async open(): Promise<void> {
    await Promise.all(this.#holding.map((session) => session.query('COMMIT')));
  }

  /** Lets what waits pass, and nothing more. */
  async #turn(): Promise<void> {
    const next = this.#idle;
    const locked = this.#lock(next);
    await this.#pipeline.until('the next locks to be waited for', async () => {
      const waiting = await this.#waiting('ferry-test');
      return waiting.length === next.length;
    });
    await this.open();
    this.#idle = this.#holding;
    this.#holding = next;
    await locked;
  }

  async #lock(sessions: readonly Client[]): Promise<void> {
    await Promise.all(
      this.#tables.map((table, i) => sessions[i]!.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)),
    );
  }

  /** Until its first session waits for a lock, or the snapshot of every table does. */
  async #untilCaptureWaits(): Promise<'looking' | 'reading'> {
    let found: 'looking' | 'reading' = 'looking';
    await this.#pipeline.until('capture to wait for the locks', async () => {
      const snapshots = await this.#waiting('ferry capture snapshot');
      const allWait = snapshots.length === this.#tables.length;
      found = allWait && snapshots.every((query) => query.startsWith('COPY')) ? 'reading' : 'looking';
      return allWait || (await this.#waiting('ferry capture')).length > 0;
    });
    return found;
  }

  /** What sessions of an application wait for a lock with. */
  async #waiting(application: string): Promise<string[]> {
    const { rows } = await this.#pipeline.source.query<{ query: string }>(
      `SELECT query FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'`,
      [application],
    );
    return rows.map(({ query }) => query);
  }
}
