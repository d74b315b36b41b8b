import {
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
} from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../core/errors.js';
import { classifyKafkaError } from './classify-error.js';

/** As the protocol layer of kafkajs makes it. */
function protocolError(type: string, retriable: boolean): Error {
  const error = new KafkaJSProtocolError(new Error(`message of ${type}`));
  return Object.assign(error, { type, retriable });
}

describe('an error of kafkajs', () => {
  test.each([
    ['MESSAGE_TOO_LARGE', false, 'record-too-large'],
    ['TOPIC_AUTHORIZATION_FAILED', false, 'privilege-missing'],
    ['SASL_AUTHENTICATION_FAILED', false, 'auth-failed'],
    ['INVALID_REPLICATION_FACTOR', false, 'config-invalid'],
    ['OFFSET_OUT_OF_RANGE', false, 'log-corrupt'],
    ['NOT_LEADER_FOR_PARTITION', true, 'log-unreachable'],
    ['NOT_ENOUGH_REPLICAS', true, 'log-unreachable'],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', false, 'log-unreachable'],
    ['UNSUPPORTED_FOR_MESSAGE_FORMAT', false, 'internal'],
  ])('%s is told apart, bare or wrapped', (type, retriable, code) => {
    const error = protocolError(type, retriable);
    const wrapped = [
      error,
      Object.assign(new KafkaJSNonRetriableError('wrapped'), { cause: error }),
      Object.assign(new KafkaJSNumberOfRetriesExceeded(error, { retryCount: 3, retryTime: 100 }), { cause: error }),
      Object.assign(new Error('Topic creation errors'), { errors: [error] }),
    ];
    expect(wrapped.map((each) => classifyKafkaError(each, 'append to shop.raw/0').code)).toEqual(
      wrapped.map(() => code),
    );
  });

  test('about a connection passes', () => {
    const refused = new KafkaJSConnectionError('connect ECONNREFUSED', { broker: '127.0.0.1:1', code: 'ECONNREFUSED' });
    const classified = classifyKafkaError(refused, 'read shop.raw/0', { topic: 'shop.raw' });
    expect(classified).toMatchObject({ code: 'log-unreachable', cause: refused, details: { topic: 'shop.raw' } });
    expect(classified.message).toBe('read shop.raw/0: connect ECONNREFUSED');
  });
});

describe('an error about a connection that does not pass', () => {
  const connectionError = (code: string) => new KafkaJSConnectionError(`Connection error: ${code}`, { code });

  test.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls-failed', 'log.tls.ca'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-failed', 'log.tls.serverName'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls-failed', 'log.tls.cert'],
    ['ERR_OSSL_PEM_NO_START_LINE', 'config-invalid', 'PEM'],
  ])('is about TLS: %s', (code, expected, remedy) => {
    expect(classifyKafkaError(connectionError(code), 'read shop.raw/0')).toMatchObject({
      code: expected,
      remedy: expect.stringContaining(remedy),
    });
  });

  test.each([
    ['SASL_AUTHENTICATION_FAILED', 'user or password'],
    ['UNSUPPORTED_SASL_MECHANISM', 'log.sasl.mechanism'],
    ['ILLEGAL_SASL_STATE', 'takes no SASL'],
  ])('is about SASL: %s', (type, remedy) => {
    expect(classifyKafkaError(protocolError(type, false), 'read shop.raw/0')).toMatchObject({
      code: 'auth-failed',
      remedy: expect.stringContaining(remedy),
    });
  });
});

test('a broker that hangs up may be gone, or want other security', () => {
  const classified = classifyKafkaError(new KafkaJSConnectionError('Closed connection'), 'read shop.raw/0');
  expect(classified).toMatchObject({ code: 'log-unreachable', remedy: expect.stringContaining('log.sasl') });
});

test('what is no error of kafkajs halts', () => {
  expect(classifyKafkaError(new TypeError('x is not a function'), 'read shop.raw/0').code).toBe('internal');
});

test.each([
  new TypeError("Cannot read properties of null (reading 'topicMetadata')"),
  new Error('Broker not connected'),
])('a broker that is silent for long passes: %s', (silence) => {
  expect(classifyKafkaError(silence, 'create the topics shop.raw')).toMatchObject({
    code: 'log-unreachable',
    message: 'create the topics shop.raw: no broker answers',
  });
});

test('an error of ours stays as it is', () => {
  const error = new FerryError('log-regressed', 'as said');
  expect(classifyKafkaError(error, 'append')).toBe(error);
});

test('a group whose coordinator is not there yet is waited for', () => {
  const error = Object.assign(new KafkaJSNonRetriableError('Failed to find group coordinator'), {
    name: 'KafkaJSGroupCoordinatorNotFound',
  });
  expect(classifyKafkaError(error, 'share shop.raw').code).toBe('log-unreachable');
});
