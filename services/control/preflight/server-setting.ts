import type { ClientBase } from 'pg';

/** A server setting as text, without its unit's name; numbers are in the unit that `pg_settings` states. */
export async function serverSetting(client: ClientBase, name: string): Promise<string> {
  const { rows } = await client.query<{ setting: string }>('SELECT setting FROM pg_settings WHERE name = $1', [name]);
  return rows[0]?.setting ?? '';
}

/** The role of our session. */
export async function currentRole(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ role: string }>('SELECT current_user AS role');
  return rows[0]!.role;
}

export async function currentDatabase(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ database: string }>('SELECT current_database() AS database');
  return rows[0]!.database;
}
