import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { FerryError } from '../core/errors.js';

export interface Health {
  /** The process works or will work again by itself. */
  isAlive(): boolean;
  /** It does its work now. */
  isReady(): boolean;
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`.
 * @param port undefined or 0 takes any free one.
 */
export async function startHttpServer(
  options: { host: string; port?: number | undefined },
  registry: Registry,
  health: Health,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const probe = (ok: boolean) =>
      response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain' }).end(ok ? 'ok\n' : 'no\n');
    switch (request.url?.split('?', 1)[0]) {
      case '/metrics':
        registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          (error: Error) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error.message}\n`),
        );
        return;
      case '/healthz':
        probe(health.isAlive());
        return;
      case '/readyz':
        probe(health.isReady());
        return;
      default:
        response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new FerryError('config-invalid', `cannot serve metrics on ${options.host}:${options.port}: ${cause.message}`, {
          remedy: 'Choose another http.port in pipeline.yaml, or leave it out for any free one.',
          cause,
        }),
      ),
    );
    server.listen(options.port ?? 0, options.host, resolve);
  });
  // A connection that could not be accepted, for want of descriptors say, is the trouble of who asks.
  server.on('error', () => {});
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
