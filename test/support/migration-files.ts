import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';

/** Runs the files of a folder as `ferry db` does: each in a transaction, and settings back afterwards. */
export async function runMigrationFiles(
  client: Client,
  folder: string,
  isMeant: (text: string) => boolean = () => true,
): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, name), 'utf8');
    if (!isMeant(text)) continue;
    await client.query('BEGIN');
    await client.query(text).catch((error: Error & { position?: string }) => {
      const at = Number(error.position ?? 0);
      throw new Error(`${name}: ${error.message} at ${text.slice(Math.max(0, at - 100), at + 100)}`);
    });
    await client.query('COMMIT');
    await client.query('RESET ALL');
  }
}
