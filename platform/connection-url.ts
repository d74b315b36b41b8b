import type pg from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';
import { FerryError } from '../core/errors.js';

/** What a connection URL says. */
export interface UrlConnection {
  /** Host, port, user, password, database, TLS, and `options` of the URL. */
  readonly config: pg.ClientConfig;
  /** `sslmode=prefer`: with a server that has no TLS it is done without. */
  readonly tlsIsOptional: boolean;
}

const MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** libpq's variables for what a URL leaves out. */
const VARIABLES = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
} as const;

/**
 * Reads a connection URL as libpq does, sslmode above all: pg 8 by itself takes prefer, require and verify-ca for
 * verify-full, and no sslmode for disable. Stricter than libpq in one point: sslrootcert without sslmode means
 * verify-full, for who names a CA wants it checked. Without sslrootcert, verify-full trusts the CAs that Node
 * brings along, as with sslrootcert=system; the files in ~/.postgresql are not looked at.
 * @param subject names the connection in messages.
 * @throws FerryError `config-invalid` about sslmode and its files; Error `ERR_INVALID_URL` or URIError otherwise.
 */
export function parseConnectionUrl(
  url: string,
  subject: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): UrlConnection {
  const start = url.indexOf('?');
  const parameters = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = env[variable];
    if (!parameters.has(name) && value) parameters.set(name, value);
  }
  const mode = settleMode(parameters, subject);
  parameters.set('uselibpqcompat', 'true');
  const parsed = readFiles(`${start < 0 ? url : url.slice(0, start)}?${parameters}`, subject);
  // As libpq: nobody listens in on a socket of this machine.
  if (parsed.host?.startsWith('/')) return { config: toClientConfig({ ...parsed, ssl: false }), tlsIsOptional: false };
  return { config: toClientConfig(parsed), tlsIsOptional: mode === 'prefer' };
}

/** Writes into the parameters what they imply. */
function settleMode(parameters: URLSearchParams, subject: string): string {
  const refuse = (problem: string) =>
    new FerryError('config-invalid', `${subject}: ${problem}`, { remedy: 'Correct the parameters of the URL.' });
  const rootCert = parameters.get('sslrootcert');
  // JDBC's, which libpq takes too.
  const jdbc = parameters.get('ssl') === 'true' ? 'require' : undefined;
  const mode = parameters.get('sslmode') ?? jdbc ?? (rootCert ? 'verify-full' : 'prefer');
  parameters.delete('ssl');
  if (!MODES.includes(mode)) throw refuse(`sslmode is ${JSON.stringify(mode)}, not one of ${MODES.join(', ')}`);
  if (mode === 'verify-ca' && !rootCert) {
    throw refuse('sslmode=verify-ca takes sslrootcert, the file of the CA; under any CA it would prove nothing');
  }
  if (rootCert === 'system') {
    if (mode !== 'verify-full') throw refuse('sslrootcert=system goes with sslmode=verify-full alone');
    parameters.delete('sslrootcert');
  }
  parameters.set('sslmode', mode);
  return mode;
}

function readFiles(url: string, subject: string): ReturnType<typeof parse> {
  try {
    return parse(url);
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (!syscall) throw error;
    throw new FerryError('config-invalid', `${subject}: cannot read ${path ?? 'a certificate or key'}: ${code}`, {
      remedy: 'Name files that this process may read in sslrootcert, sslcert and sslkey of the URL.',
      cause: error,
    });
  }
}
