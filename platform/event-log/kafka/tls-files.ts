import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { KafkaTls } from '../../../core/config/kafka-security.js';
import { FerryError } from '../../../core/errors.js';
import { TLS_REMEDY } from './tls-watch.js';

/**
 * Reads the PEM files that `log.tls` names.
 * @throws FerryError `config-invalid` naming the one that cannot be read, or when they are no PEM files.
 */
export async function readTlsFiles({ ca, cert, key, serverName }: KafkaTls): Promise<ConnectionOptions> {
  const read = async (name: string, path: string | undefined) => {
    if (path === undefined) return undefined;
    return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new FerryError('config-invalid', `cannot read log.tls.${name}, ${path}: ${cause.code}`, {
        remedy: 'Name a PEM file that this process may read; its path is relative to pipeline.yaml.',
        cause,
      });
    });
  };
  const options = { ca: await read('ca', ca), cert: await read('cert', cert), key: await read('key', key) };
  try {
    // kafkajs would take what this throws for a broker that is away.
    createSecureContext(options);
  } catch (cause) {
    const message = `the files of log.tls cannot be used: ${(cause as Error).message}`;
    throw new FerryError('config-invalid', message, { remedy: TLS_REMEDY.files, cause });
  }
  return serverName === undefined ? options : { ...options, servername: serverName };
}
