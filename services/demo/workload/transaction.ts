import type { Random } from '../random.js';
import type { KnownRows } from './known-rows.js';

/** What is called otherwise in the two projects; all other names are the same, since search_path finds the schema. */
export interface Names {
  readonly comments: string;
  /** Column of generation_jobs that refers to the site. */
  readonly jobSite: string;
}

export const NAMES = {
  source: { comments: 'comments', jobSite: 'site_id' },
  target: { comments: 'artifact_comments', jobSite: 'microsite_slug' },
} as const satisfies Record<'source' | 'target', Names>;

/** An open transaction, and what its statements may draw on. */
export interface Transaction {
  readonly names: Names;
  readonly random: Random;
  readonly known: KnownRows;
  query<R extends object>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  /**
   * Runs a statement that must change exactly one row.
   * @throws Error otherwise: a row that this application wrote has gone.
   */
  changeOne<R extends object>(sql: string, values?: readonly unknown[]): Promise<R>;
}

/** What the application remembers once the transaction is acknowledged, and not before. */
export type WhenCommitted = () => void;

/** One kind of transaction: its statements between BEGIN and the activity_log row that ends each. */
export type TransactionKind = (transaction: Transaction) => Promise<WhenCommitted>;
