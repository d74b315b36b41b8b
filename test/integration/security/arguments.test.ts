import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FerryProcess, runFerry, testEnvironment } from '../../support/cli.js';
import { listProcesses } from '../../support/processes.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

test('a URL among the arguments is gone from the process list', async () => {
  // Takes connections and says nothing.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connected = new Promise((resolve) => server.once('connection', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `postgres://me:hunter2@127.0.0.1:${port}/shop`;
  const init = new FerryProcess(['init', `--source=${url}`, '--map', 'a=b', '--out', '/nowhere'], testEnvironment());
  try {
    await connected;
    const own = (await listProcesses()).find(({ pid }) => pid === init.pid);
    expect(own?.args).toBe('ferry init');
  } finally {
    init.signal('SIGKILL');
    await init.ended;
    server.close();
  }
});

describeWithPostgres('a demo that is kept, on given servers', () => {
  test('shows no password, and what it shows leads there with them', async () => {
    const { sourceServer, targetServer } = testServers();
    const directory = await mkdtemp(join(tmpdir(), 'ferry-test-kept-'));
    const servers = ['--source-server', sourceServer, '--target-server', targetServer];
    const demo = new FerryProcess(['demo', '--keep', '--rows', '2000', ...servers], testEnvironment());
    try {
      await demo.said(/npx ferry status -c (\S+)/, 90_000);
      const config = /npx ferry status -c (\S+)/.exec(demo.stderr)![1]!;
      const exported = [...demo.stderr.matchAll(/^ {2}export (\w+)='([^']*)'$/gm)].map(([, name, value]) => [
        name,
        value,
      ]);
      expect(demo.stderr).toMatch(/export PGPASSWORD= .*\n.*~\/\.pgpass/);

      const urls = [sourceServer, targetServer].map((url) => new URL(url));
      const file = join(directory, 'pgpass');
      const lines = urls.map(
        ({ hostname, port, username, password }) => `${hostname}:${port}:*:${username}:${password}\n`,
      );
      await writeFile(file, lines.join(''), { mode: 0o600 });
      const env = testEnvironment({ ...Object.fromEntries(exported), PGPASSFILE: file });
      const status = await runFerry(['status', '--json', '-c', config], env);
      expect(status.json(), status.stderr).toMatchObject({ serving: 'target', errors: [] });
      for (const { password } of urls) expect(demo.stderr + demo.stdout).not.toContain(password);
    } finally {
      await demo.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
