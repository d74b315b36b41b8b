import type { ApplicationSide, TransactionQuery } from './adapters/application-pool.js';
import { type Random, seededRandom } from './random.js';

/** An open transaction, and what its statements may draw on. */
export interface Transaction<Known> {
  /** Some names differ between the projects; where the others stand, search_path knows. */
  readonly side: ApplicationSide;
  readonly random: Random;
  readonly known: Known;
  query<R extends object>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /**
   * Runs a statement that must change exactly one row.
   * @throws Error otherwise: a row that this application wrote has gone.
   */
  changeOne<R extends object>(sql: string, values?: readonly unknown[]): Promise<R>;
}

/** What the application remembers once the transaction is acknowledged, and not before. */
export type WhenCommitted = () => void;

/** One kind of transaction: its statements between BEGIN and the row that ends each. */
export type TransactionKind<Known> = (transaction: Transaction<Known>) => Promise<WhenCommitted>;

export interface MixEntry<Known> {
  readonly name: string;
  readonly run: TransactionKind<Known>;
  /** Of 100 transactions. */
  readonly share: number;
}

/** The kind that moves credit: the audit counts it by itself. Every application has one of this name. */
export const TRANSFER = 'transfer';

export type Query = <R extends object>(sql: string) => Promise<R[]>;

/** What an application leaves behind for the audit. */
export interface Traces {
  /** The table in which every transaction leaves a row with its `request_id`, a uuid. */
  readonly requests: Readonly<Record<ApplicationSide, string>>;
  /**
   * Sums over all accounts, as texts: `balance`, which transfers leave as it is, and `transfers`, which each of them
   * raises by two.
   */
  readonly credit: string;
}

/** What the application of a ready pipeline writes while its database moves. */
export interface Workload<Known> {
  /** Where names without a schema lead. */
  readonly searchPath: Readonly<Record<ApplicationSide, string>>;
  /** Those that the old project needs and the demo's own servers lack. */
  readonly extensions: readonly string[];
  readonly traces: Traces;
  readonly mix: readonly MixEntry<Known>[];
  /**
   * Reads what the transactions need of the existing rows.
   * @returns one set for each connection.
   * @throws Error when the database has no such rows: it is not the demo's.
   */
  readonly readKnownRows: (query: Query, connections: number) => Promise<Known[]>;
  /** After a COMMIT of unknown outcome nobody knows which of the own rows are there: it goes on with new ones. */
  readonly forgetOwnRows: (known: Known) => void;
  /** Writes the row that ends every transaction. */
  readonly leaveTrace: (transaction: Transaction<Known>, request: SentRequest) => Promise<unknown>;
}

/** A transaction that is on its way: what tells it from all others. */
export interface SentRequest {
  readonly id: string;
  readonly number: number;
  readonly kind: string;
}

/** A transaction that was drawn; it may be sent several times, until one is acknowledged. */
export interface Draft {
  readonly kind: string;
  /** Its statements between BEGIN and COMMIT. */
  run(side: ApplicationSide, query: TransactionQuery, request: Omit<SentRequest, 'kind'>): Promise<WhenCommitted>;
}

/** What one of the application's connections does. */
export interface Share {
  draw(): Draft;
  forgetOwnRows(): void;
}

/** An application as those see it who know nothing of its tables. */
export interface Application extends Pick<Workload<never>, 'searchPath' | 'extensions' | 'traces'> {
  /** @returns the shares of the connections; with the same seed they draw the same. */
  begin(query: Query, options: { readonly connections: number; readonly seed: number }): Promise<Share[]>;
}

export function application<Known>(workload: Workload<Known>): Application {
  const { searchPath, extensions, traces, readKnownRows } = workload;
  return {
    searchPath,
    extensions,
    traces,
    async begin(query, { connections, seed }) {
      const rows = await readKnownRows(query, connections);
      return rows.map((known, index) => shareOf(workload, known, seededRandom(seed + index)));
    },
  };
}

function shareOf<Known>(workload: Workload<Known>, known: Known, random: Random): Share {
  return {
    draw() {
      const { name, run } = draw(workload.mix, random);
      return {
        kind: name,
        async run(side, query, request) {
          const transaction = transactionOf(side, query, { known, random });
          const whenCommitted = await run(transaction);
          await workload.leaveTrace(transaction, { ...request, kind: name });
          return whenCommitted;
        },
      };
    },
    forgetOwnRows: () => workload.forgetOwnRows(known),
  };
}

function draw<Known>(mix: readonly MixEntry<Known>[], random: Random): MixEntry<Known> {
  let drawn = random.below(100);
  return mix.find(({ share }) => {
    drawn -= share;
    return drawn < 0;
  })!;
}

function transactionOf<Known>(
  side: ApplicationSide,
  query: TransactionQuery,
  { known, random }: Pick<Transaction<Known>, 'known' | 'random'>,
): Transaction<Known> {
  return {
    side,
    random,
    known,
    query: async <R extends object>(sql: string, values: readonly unknown[] = []) =>
      (await query(sql, values)).rows as R[],
    changeOne: async <R extends object>(sql: string, values: readonly unknown[] = []) => {
      const { rows, rowCount } = await query(sql, values);
      if (rowCount !== 1) throw new Error(`${rowCount} rows in place of one for ${sql}`);
      return rows[0] as R;
    },
  };
}

/** A query's rows. @throws Error when there are fewer than two. */
export async function readRows<R extends object>(query: Query, sql: string): Promise<R[]> {
  const rows = await query<R>(sql);
  if (rows.length < 2) throw new Error(`the workload needs the demo's data, and this gave too few rows: ${sql}`);
  return rows;
}

/** The column `id` of a query's rows, as texts. @throws Error as {@link readRows}. */
export async function readIds(query: Query, sql: string): Promise<string[]> {
  return (await readRows<{ id: string | number }>(query, sql)).map((row) => String(row.id));
}

/** Takes the element at `index` out of the list; the last one takes its place. */
export function removeAt<T>(list: T[], index: number): void {
  const last = list.pop()!;
  if (index < list.length) list[index] = last;
}
