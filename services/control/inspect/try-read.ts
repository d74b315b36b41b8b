import type { ClientBase } from 'pg';

/** What came of a read that may fail. */
export type Tried<T> = { readonly value: T } | { readonly failed: string };

/**
 * Reads a table that may be locked, slow or not ours to read, and leaves the transaction and its snapshot in use when
 * that fails.
 * @param client in a transaction.
 */
export async function tryRead<T>(client: ClientBase, read: () => Promise<T>): Promise<Tried<T>> {
  await client.query('SAVEPOINT reading');
  try {
    const value = await read();
    await client.query('RELEASE SAVEPOINT reading');
    return { value };
  } catch (error) {
    // Without a connection this fails too, and so does all of it.
    await client.query('ROLLBACK TO SAVEPOINT reading');
    return { failed: (error as Error).message };
  }
}
