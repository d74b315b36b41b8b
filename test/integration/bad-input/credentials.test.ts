import { afterEach, beforeEach, expect, test } from 'vitest';
import { quoteIdentifier } from '../../../platform/postgres.js';
import type { CliError } from '../../support/cli.js';
import { createLogin, dropLogin } from '../../support/login.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('roles and passwords', () => {
  let pair: MovingPair;
  /** A role on the side that a test is about, with nothing but what the test gives it. */
  let role: string;

  beforeEach(async () => {
    pair = await MovingPair.configured({ servers: testServers() });
    role = `${pair.name}_little`;
  });

  afterEach(async () => {
    await pair?.close();
    await dropLogin(testServers().sourceServer, role);
    await dropLogin(testServers().targetServer, role);
  });

  const little = (side: 'source' | 'target', attributes: string) =>
    createLogin(pair.databases[side].url, { role, attributes, password: pair.password });

  function withPassword(url: string, password: string): string {
    const changed = new URL(url);
    changed.password = password;
    return changed.href;
  }

  test('a wrong password halts, and is not printed', async () => {
    const wrong = `wrong-${pair.password}`;
    const { SOURCE_URL, TARGET_URL } = pair.env;
    pair.env.SOURCE_URL = withPassword(SOURCE_URL!, wrong);
    const capture = await pair.run('capture');
    expect(capture.code).toBe(1);
    expect(capture.stderr).toMatch(/error: the source database \S+: password authentication failed for user "pair_/);
    expect(capture.stderr).toContain('next: Correct user or password in the connection URL.');

    const check = await pair.run('check', '--json');
    expect(check.code).toBe(1);
    expect(check.json<CliError>().error).toMatchObject({ code: 'auth-failed' });

    pair.env.SOURCE_URL = SOURCE_URL;
    pair.env.TARGET_URL = withPassword(TARGET_URL!, wrong);
    const apply = await pair.run('apply', '--json');
    expect(apply.code).toBe(1);
    expect(apply.json<CliError>().error.message).toMatch(/^the target database \S+: password authentication failed/);
  });

  test('a database that is not there halts, by name', async () => {
    pair.env.SOURCE_URL = pair.env.SOURCE_URL!.replace(pair.databases.source.name, 'nowhere');
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: the source database \S+\/nowhere: database "nowhere" does not exist/);
  });

  test('a URL that is none is refused without its password', async () => {
    pair.env.SOURCE_URL = `postgres://someone:${pair.password}@host:port/db`;
    const { code, stderr } = await pair.run('capture');
    expect(code).toBe(2);
    expect(stderr).toContain('error: the source database (not a URL)');
  });

  test('a role without REPLICATION and one without SELECT are refused by what they lack, and go on with it', async () => {
    pair.env.SOURCE_URL = await little('source', '');
    await pair.source.query(
      `CREATE PUBLICATION ${pair.slot} FOR TABLE public.users, public.orders, public.settings;
       GRANT USAGE ON SCHEMA public TO ${quoteIdentifier(role)}`,
    );
    const without = await pair.run('capture');
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/error: .*permission denied to use replication slots/);
    expect(without.stderr).toContain('next: Grant what is named; `ferry check` prints the GRANT.');

    await pair.source.query(`ALTER ROLE ${quoteIdentifier(role)} REPLICATION`);
    const unread = await pair.run('capture');
    expect(unread.code).toBe(1);
    expect(unread.stderr).toMatch(/error: .*permission denied for table (users|orders|settings)/);

    await pair.source.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${quoteIdentifier(role)}`);
    await pair.up();
    await pair.expectEqual();
  });

  test('a target role that may not write is refused by the table, and goes on once it may', async () => {
    pair.env.TARGET_URL = await little('target', '');
    await pair.target.query(
      `GRANT CREATE ON DATABASE ${quoteIdentifier(pair.databases.target.name)} TO ${quoteIdentifier(role)};
       GRANT USAGE ON SCHEMA growth, shared TO ${quoteIdentifier(role)};
       GRANT SELECT ON ALL TABLES IN SCHEMA growth, shared TO ${quoteIdentifier(role)}`,
    );
    pair.start('up');
    const { error } = await pair.untilError('apply', 'privilege-missing');
    expect(error!.message).toMatch(/permission denied for table (users|orders|settings)/);
    await pair.target.query(
      `GRANT INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA growth, shared TO ${quoteIdentifier(role)}`,
    );
    await pair.untilStreaming();
    await pair.expectEqual();
  });
});
