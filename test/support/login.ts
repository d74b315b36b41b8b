import { connect, quoteIdentifier, quoteLiteral } from '../../platform/postgres.js';

export interface Login {
  readonly role: string;
  readonly password: string;
  /** As in CREATE ROLE: `SUPERUSER`, `REPLICATION`; empty for none. */
  readonly attributes: string;
}

/**
 * Creates a role in the server of a database.
 * @param url of a superuser.
 * @returns the database's URL as that role.
 */
export async function createLogin(url: string, { role, password, attributes }: Login): Promise<string> {
  const client = await connect('source', url, { applicationName: 'ferry-test' });
  try {
    await client.query(`CREATE ROLE ${quoteIdentifier(role)} LOGIN ${attributes} PASSWORD ${quoteLiteral(password)}`);
  } finally {
    await client.end();
  }
  const own = new URL(url);
  own.username = role;
  own.password = password;
  return own.href;
}

/** Drops a role whose objects have gone with their databases. */
export async function dropLogin(url: string, role: string): Promise<void> {
  const client = await connect('source', url, { applicationName: 'ferry-test' });
  try {
    await client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(role)}`);
  } finally {
    await client.end();
  }
}
