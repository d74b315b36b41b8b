import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KafkaSasl, KafkaTls } from '../../../core/config/kafka-security.js';
import type { FerryError } from '../../../core/errors.js';
import { openKafkaLog } from '../../../platform/event-log/kafka/open.js';
import { type Certificate, CertificateAuthority } from '../../support/certificates.js';
import { type SecureKafka, secureKafkaOrMissing } from '../../support/secure-kafka.js';
import { describeWithCertificates } from '../../support/servers.js';

const secret = () => randomBytes(12).toString('hex');
const USER = 'ferry';
const PASSWORDS = { plain: secret(), scram256: secret(), scram512: secret() };

describeWithCertificates('Kafka', () => {
  let directory: string;
  let authority: CertificateAuthority;
  let other: CertificateAuthority;
  let mine: Certificate;
  let kafka: SecureKafka;
  let missing: string | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-certificates-'));
    authority = await CertificateAuthority.create(directory, 'ca');
    other = await CertificateAuthority.create(directory, 'other');
    mine = await authority.issue('client', ['DNS:ferry']);
    const server = await authority.issue('server', ['DNS:localhost']);
    const started = await secureKafkaOrMissing({ server, clientCa: authority.file, user: USER, passwords: PASSWORDS });
    if ('missing' in started) {
      missing = started.missing;
      return;
    }
    kafka = started;
  });

  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });

  afterAll(async () => {
    await kafka?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const sasl = (mechanism: KafkaSasl['mechanism'], password: string): KafkaSasl => ({
    mechanism,
    username: USER,
    password,
  });
  const trusting = (more: KafkaTls = {}): KafkaTls => ({ ca: authority.file, ...more });

  interface Tried {
    readonly error?: FerryError;
    readonly ms: number;
    /** What was said to the log meanwhile. */
    readonly lines: readonly string[];
  }

  /** Appends a record and reads it again. */
  async function tried(broker: string, security: { tls?: KafkaTls; sasl?: KafkaSasl }): Promise<Tried> {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const pipeline = `t${randomBytes(5).toString('hex')}`;
    const startedAt = performance.now();
    const done = (error?: unknown) => ({ error: error as FerryError, ms: performance.now() - startedAt, lines });
    try {
      await using log = await openKafkaLog({
        brokers: [broker],
        pipeline,
        clientId: 'ferry-test',
        logger,
        ...security,
      });
      const at = { topic: `${pipeline}.raw`, partition: 0 };
      await log.createTopics([{ topic: at.topic, partitions: 1 }]);
      await log.append([{ ...at, values: [Buffer.from('one')] }]);
      const read = await log.read({ ...at, offset: 0 }, { maxBytes: 1_000, waitMs: 5_000 });
      expect(read.map(({ value }) => value.toString())).toEqual(['one']);
      return done();
    } catch (error) {
      return done(error);
    }
  }

  test.each([
    ['PLAIN', () => sasl('plain', PASSWORDS.plain)],
    ['SCRAM-SHA-256', () => sasl('scram-sha-256', PASSWORDS.scram256)],
    ['SCRAM-SHA-512', () => sasl('scram-sha-512', PASSWORDS.scram512)],
  ])('over SASL_SSL by %s', async (_, login) => {
    const { error, lines } = await tried(kafka.saslOverTls, { tls: trusting(), sasl: login() });
    expect(error).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test('over TLS that asks for a client certificate', async () => {
    expect((await tried(kafka.mutualTls, { tls: trusting(mine) })).error).toBeUndefined();
  });

  test('over SASL without TLS', async () => {
    const login = sasl('scram-sha-512', PASSWORDS.scram512);
    expect((await tried(kafka.saslInTheClear, { sasl: login })).error).toBeUndefined();
  });

  test('under a name that the certificate does not have, by serverName', async () => {
    const byAddress = kafka.mutualTls.replace('localhost', '127.0.0.1');
    expect((await tried(byAddress, { tls: trusting({ ...mine, serverName: 'localhost' }) })).error).toBeUndefined();
  });

  describe('is refused at once, with one message, where', () => {
    const right = () => sasl('scram-sha-256', PASSWORDS.scram256);
    const wrong = `wrong-${secret()}`;
    const cases: readonly [
      what: string,
      attempt: () => Promise<Tried>,
      code: string,
      message: RegExp,
      remedy: RegExp,
    ][] = [
      [
        'the password is wrong (SCRAM)',
        () => tried(kafka.saslOverTls, { tls: trusting(), sasl: sasl('scram-sha-512', wrong) }),
        'auth-failed',
        /^create the topics \S+: .*SASL SCRAM SHA512 authentication failed/,
        /^Correct user or password in log\.sasl/,
      ],
      [
        'the password is wrong (PLAIN)',
        () => tried(kafka.saslOverTls, { tls: trusting(), sasl: sasl('plain', wrong) }),
        'auth-failed',
        /SASL PLAIN authentication failed/,
        /^Correct user or password in log\.sasl/,
      ],
      [
        'the CA is another',
        () => tried(kafka.saslOverTls, { tls: { ca: other.file }, sasl: right() }),
        'tls-failed',
        /certificate/,
        /log\.tls\.ca/,
      ],
      [
        'no CA is named',
        () => tried(kafka.saslOverTls, { tls: {}, sasl: right() }),
        'tls-failed',
        /certificate/,
        /log\.tls\.ca/,
      ],
      [
        'the certificate has another name',
        () => tried(kafka.saslOverTls.replace('localhost', '127.0.0.1'), { tls: trusting(), sasl: right() }),
        'tls-failed',
        /altnames/,
        /log\.tls\.serverName/,
      ],
      [
        'the port wants TLS and gets none',
        () => tried(kafka.saslOverTls, { sasl: right() }),
        'tls-failed',
        /the broker wants TLS on this port/,
        /log\.tls\.ca/,
      ],
      [
        'the broker wants a client certificate and gets none',
        () => tried(kafka.mutualTls, { tls: trusting() }),
        'tls-failed',
        /certificate/,
        /log\.tls\.cert/,
      ],
      [
        'the port takes no SASL',
        () => tried(kafka.mutualTls, { tls: trusting(mine), sasl: right() }),
        'auth-failed',
        /ILLEGAL_SASL_STATE/,
        /^This port takes no SASL/,
      ],
    ];
    test.each(cases)('%s', async (_, attempt, code, message, remedy) => {
      const { error, ms, lines } = await attempt();
      expect(error?.code, `${error?.message}`).toBe(code);
      expect(error?.policy.react).toBe('halt');
      expect(error?.message).toMatch(message);
      expect(error?.remedy).toMatch(remedy);
      expect(ms).toBeLessThan(5_000);
      expect(lines).toEqual([]);
      expect(JSON.stringify([error?.message, error?.details])).not.toMatch(
        new RegExp([wrong, ...Object.values(PASSWORDS)].join('|')),
      );
    });
  });

  test.each([
    ['no SASL is used where it is demanded', () => tried(kafka.saslOverTls, { tls: trusting() })],
    ['TLS is used against a port without', () => tried(kafka.open, { tls: trusting() })],
  ])('where %s the broker hangs up, which may also pass: tried again, with what it may be', async (_, attempt) => {
    const { error } = await attempt();
    expect(error).toMatchObject({ code: 'log-unreachable', remedy: expect.stringMatching(/log\.tls or log\.sasl/) });
  });

  test('files that cannot be used are refused before any connection', async () => {
    const gone = await tried(kafka.mutualTls, { tls: trusting({ cert: `${directory}/gone`, key: mine.key }) });
    expect(gone.error).toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/log\.tls\.cert, .*gone: ENOENT/),
    });
    const notOurs = await tried(kafka.mutualTls, { tls: trusting({ cert: other.file, key: mine.key }) });
    expect(notOurs.error).toMatchObject({ code: 'config-invalid' });
  });
});
