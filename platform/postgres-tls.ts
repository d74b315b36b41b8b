import { type ErrorDetails, FerryError } from '../core/errors.js';
import { type TlsFault, tlsFault } from './tls-fault.js';

const REMEDY: Readonly<Record<TlsFault, string>> = {
  untrusted: "Name the file of the CA that signed the server's certificate in sslrootcert of the connection URL.",
  'wrong-name': "Connect by a name that stands in the server's certificate, or take sslmode=verify-ca in the URL.",
  'out-of-date': "Renew the server's certificate, or correct this machine's clock.",
  'our-certificate': 'Name a client certificate that the server trusts in sslcert of the URL, and its key in sslkey.',
  files: 'Name PEM files in sslrootcert, sslcert and sslkey of the URL; the key must be that of the certificate.',
  'no-agreement': "Check that host and port are PostgreSQL's, and that both sides share a version of TLS.",
};

/** What pg says to a server's `N`; the error has no code. */
const NO_TLS = 'The server does not support SSL connections';

export function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message === NO_TLS;
}

/** @returns undefined for an error that is not about TLS. */
export function classifyTls(
  error: Error & { code?: string },
  subject: string,
  details: ErrorDetails,
): FerryError | undefined {
  if (hasNoTls(error)) {
    return new FerryError('tls-failed', `${subject}: the server has no TLS, and sslmode demands it`, {
      details,
      remedy: 'Switch TLS on at the server (ssl = on), or take sslmode=prefer or disable in the connection URL.',
      cause: error,
    });
  }
  const fault = tlsFault(error.code);
  if (!fault) return undefined;
  return new FerryError(fault === 'files' ? 'config-invalid' : 'tls-failed', `${subject}: TLS: ${error.message}`, {
    details,
    remedy: REMEDY[fault],
    cause: error,
  });
}
