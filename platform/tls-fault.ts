/** Why two sides that could reach each other did not agree on TLS; nothing here passes by itself. */
export type TlsFault = 'untrusted' | 'wrong-name' | 'out-of-date' | 'our-certificate' | 'files' | 'no-agreement';

/** Node's names of OpenSSL's verification errors, and of alerts and set-up errors. */
const FAULTS: readonly (readonly [TlsFault, RegExp])[] = [
  ['wrong-name', /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/],
  ['out-of-date', /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/],
  [
    'untrusted',
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED)$/,
  ],
  ['our-certificate', /^ERR_SSL_\w*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)$/],
  // A PEM file that is none, a key that does not belong to its certificate.
  ['files', /^(ERR_OSSL_\w+|ERR_TLS_\w+)$/],
  [
    'no-agreement',
    /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|PACKET_LENGTH_TOO_LONG|NO_\w+|\w*ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)))$/,
  ],
];

/** @returns undefined for an error that is not about TLS, or may pass: a connection that broke. */
export function tlsFault(code: string | undefined): TlsFault | undefined {
  return FAULTS.find(([, pattern]) => pattern.test(code ?? ''))?.[0];
}
