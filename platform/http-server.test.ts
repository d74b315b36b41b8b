import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Gauge, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HttpServer, startHttpServer } from './http-server.js';

describe('the server of metrics and health', () => {
  let server: HttpServer;
  let isReady = true;
  const registry = new Registry();

  beforeEach(async () => {
    registry.clear();
    server = await startHttpServer({ host: '127.0.0.1' }, registry, { isAlive: () => true, isReady: () => isReady });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  /** The path as it is: a URL would change some. */
  async function get(path: string): Promise<[number, string]> {
    const { hostname, port } = new URL(server.url);
    const asked = request({ hostname, port, path }).end();
    const [response] = await once(asked, 'response');
    return [response.statusCode, await text(response)];
  }

  test('says whether the process works, and whether it does now', async () => {
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    isReady = false;
    expect(await get('/readyz?verbose')).toEqual([503, 'no\n']);
  });

  test.for(['//', '/nothing', '*', '/metrics/..'])('has nothing at %s', async (path) => {
    expect(await get(path)).toEqual([404, '']);
  });

  test('metrics that cannot be measured are an error of the request alone', async () => {
    new Gauge({
      name: 'broken',
      help: 'Cannot be measured.',
      registers: [registry],
      collect: () => {
        throw new Error('no measure');
      },
    });
    expect(await get('/metrics')).toEqual([500, 'no measure\n']);
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
  });
});
