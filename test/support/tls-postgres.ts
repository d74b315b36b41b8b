import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverAccount } from '../../platform/embedded-binaries.js';
import type { Certificate } from './certificates.js';
import { ownServer } from './own-server.js';

export interface TlsPostgres {
  /** Superuser URL at localhost, without sslmode. */
  readonly url: string;
  stop(): Promise<void>;
}

/** A role of this name gets in by a client certificate alone. */
export const CERTIFICATE_ROLE = 'certified';

const HBA = `hostssl all ${CERTIFICATE_ROLE} all cert\nhostssl all all all scram-sha-256\n`;

/**
 * A server that takes nobody in without TLS.
 * @param clientCa file of the CA that it trusts for client certificates.
 */
export async function tlsPostgres({ cert, key }: Certificate, clientCa: string): Promise<TlsPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-tls-'));
  await chmod(directory, 0o711);
  const copied = {
    cert: join(directory, 'server.pem'),
    key: join(directory, 'server.key'),
    ca: join(directory, 'ca.pem'),
  };
  const hba = join(directory, 'pg_hba.conf');
  await Promise.all([
    copyFile(cert, copied.cert),
    copyFile(key, copied.key),
    copyFile(clientCa, copied.ca),
    writeFile(hba, HBA),
  ]);
  await chmod(copied.key, 0o600);
  const account = await serverAccount();
  if (account) for (const path of [...Object.values(copied), hba]) await chown(path, account.uid, account.gid);
  const server = await ownServer({
    ssl: 'on',
    ssl_cert_file: copied.cert,
    ssl_key_file: copied.key,
    ssl_ca_file: copied.ca,
    hba_file: hba,
  });
  return {
    url: server.url.replace('@127.0.0.1:', '@localhost:'),
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
