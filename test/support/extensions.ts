import { connect } from '../../platform/postgres.js';
import { testServers } from './servers.js';

/** Those of the named extensions that both servers can create. */
export async function commonExtensions(names: readonly string[]): Promise<string[]> {
  const { sourceServer, targetServer } = testServers();
  let common = [...names];
  for (const url of [sourceServer, targetServer]) {
    const session = await connect('source', url, { applicationName: 'ferry-test' });
    const { rows } = await session.query<{ name: string }>('SELECT name FROM pg_catalog.pg_available_extensions');
    await session.end();
    const available = new Set(rows.map(({ name }) => name));
    common = common.filter((name) => available.has(name));
  }
  return common;
}
