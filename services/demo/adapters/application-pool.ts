import pg from 'pg';
import { libpqConnectionString } from '../../../routing/connection-string.js';

export type ApplicationSide = 'source' | 'target';

/** The COMMIT was sent and no answer came: the transaction is there or it is not. */
export class UnknownOutcome extends Error {}

/** An application's connections to one project. */
export class ApplicationPool {
  readonly #pool: pg.Pool;
  /** A name for every statement, so that the server parses and plans it once a connection. */
  readonly #statements = new Map<string, string>();

  /** @param options.searchPath where names without a schema lead. */
  constructor(url: string, options: { readonly searchPath: string; readonly connections: number }) {
    this.#pool = new pg.Pool({
      connectionString: libpqConnectionString(url),
      application_name: 'ferry-demo-writer',
      options: `-c search_path=${options.searchPath}`,
      max: options.connections,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // A connection that breaks fails its statement, or is replaced when the next one is asked for.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Opens all connections ahead of their use. Failures show when one is used. */
  async warm(): Promise<void> {
    const opening = Array.from({ length: this.#pool.options.max }, () => this.#pool.connect());
    for (const opened of await Promise.allSettled(opening)) {
      if (opened.status === 'fulfilled') opened.value.release();
    }
  }

  async query<R extends object>(sql: string): Promise<R[]> {
    return (await this.#pool.query<R>(sql)).rows;
  }

  /**
   * Runs `work` between BEGIN and COMMIT.
   * @returns what it returns, once the server has acknowledged the COMMIT.
   * @throws UnknownOutcome when the connection broke at the COMMIT; any other error means that nothing was written.
   */
  async transaction<T>(work: (query: TransactionQuery) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let isCommitting = false;
    let isUsable = false;
    try {
      await client.query('BEGIN');
      const result = await work((sql, values) =>
        client.query({ name: this.#nameOf(sql), text: sql, values: [...values] }),
      );
      isCommitting = true;
      await client.query('COMMIT');
      isUsable = true;
      return result;
    } catch (error) {
      if (isCommitting && !isAnswer(error)) throw new UnknownOutcome((error as Error).message, { cause: error });
      isUsable = await rollBack(client);
      throw error;
    } finally {
      client.release(!isUsable);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #nameOf(sql: string): string {
    const known = this.#statements.get(sql);
    if (known) return known;
    const name = `s${this.#statements.size}`;
    this.#statements.set(sql, name);
    return name;
  }
}

export type TransactionQuery = (
  sql: string,
  values: readonly unknown[],
) => Promise<{ readonly rows: object[]; readonly rowCount: number | null }>;

/** True when the server refused; false when it went away, and may have done what it was asked before. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(08|57P)/.test(error.code ?? '');
}

/** A transaction that failed for a passing reason, and wrote nothing: the same one may succeed when tried again. */
export function isPassing(error: unknown): boolean {
  if (error instanceof UnknownOutcome) return false;
  if (error instanceof pg.DatabaseError) return /^(08|57P|40|53|55P03)/.test(error.code ?? '');
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === 'string' || /connection|timeout/i.test(message ?? '');
}

/** False when the connection is of no more use. */
async function rollBack(client: pg.PoolClient): Promise<boolean> {
  return client.query('ROLLBACK').then(
    () => true,
    () => false,
  );
}
