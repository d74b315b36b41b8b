import { expect, test } from 'vitest';
import { tlsFault } from './tls-fault.js';

test.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted'],
  ['CERT_REVOKED', 'untrusted'],
  ['CERT_HAS_EXPIRED', 'out-of-date'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'wrong-name'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'our-certificate'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'our-certificate'],
  ['ERR_OSSL_PEM_NO_START_LINE', 'files'],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'files'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'no-agreement'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'no-agreement'],
])('%s is a fault of TLS: %s', (code, fault) => {
  expect(tlsFault(code)).toBe(fault);
});

test.each(['ECONNRESET', 'ECONNREFUSED', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', '28P01', undefined])(
  '%s is none: it may pass, or is about something else',
  (code) => {
    expect(tlsFault(code)).toBeUndefined();
  },
);
