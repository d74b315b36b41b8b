import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/certificates.js';
import type { CliError } from '../../support/cli.js';
import { MovingPair } from '../../support/moving-pair.js';
import { listProcesses } from '../../support/processes.js';
import { type SecureKafka, secureKafkaOrMissing } from '../../support/secure-kafka.js';
import { describeWithCertificates } from '../../support/servers.js';
import { type TlsPostgres, tlsPostgres } from '../../support/tls-postgres.js';

const USER = 'ferry';
const secret = () => randomBytes(12).toString('hex');
const PASSWORDS = { plain: secret(), scram256: secret(), scram512: secret() };

describeWithCertificates('a pipeline between servers that demand TLS and passwords', () => {
  let directory: string;
  let servers: { source: TlsPostgres; target: TlsPostgres };
  let kafka: SecureKafka;
  let missing: string | undefined;
  let pair: MovingPair;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-certificates-'));
    const authority = await CertificateAuthority.create(directory, 'ca');
    const certificate = await authority.issue('server', ['DNS:localhost']);
    servers = {
      source: await tlsPostgres(certificate, authority.file),
      target: await tlsPostgres(certificate, authority.file),
    };
    const started = await secureKafkaOrMissing({
      server: certificate,
      clientCa: authority.file,
      user: USER,
      passwords: PASSWORDS,
    });
    if ('missing' in started) {
      missing = started.missing;
      return;
    }
    kafka = started;
    const query = `?sslmode=verify-full&sslrootcert=${authority.file}`;
    pair = await MovingPair.configured({
      servers: { sourceServer: `${servers.source.url}${query}`, targetServer: `${servers.target.url}${query}` },
      brokers: kafka.saslOverTls,
      kafka: {
        KAFKA_TLS_CA: authority.file,
        KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
        KAFKA_SASL_USERNAME: USER,
        KAFKA_SASL_PASSWORD: PASSWORDS.scram512,
      },
    });
  });

  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });

  afterAll(async () => {
    await pair?.close();
    await Promise.all([servers?.source.stop(), servers?.target.stop(), kafka?.stop()]);
    await rm(directory, { recursive: true, force: true });
  });

  const withoutSecrets = (what: string, text: string) => {
    expect(text.length, what).toBeGreaterThan(0);
    for (const one of pair.secrets) expect(text, what).not.toContain(one);
  };

  test('moves all rows, every session encrypted, and shows no password anywhere', async () => {
    expect(pair.secrets).toHaveLength(2);
    const up = await pair.up();
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();

    for (const side of ['source', 'target'] as const) {
      const { rows } = await pair[side].query<{ application_name: string; ssl: string }>(
        `SELECT a.application_name, s.ssl FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
          WHERE a.application_name LIKE 'ferry %'`,
      );
      expect(rows.map(({ application_name }) => application_name)).toContain(
        side === 'source' ? 'ferry capture stream' : 'ferry control',
      );
      expect(rows.filter(({ ssl }) => ssl !== 't')).toEqual([]);
    }

    const status = await pair.run('status', '--json');
    withoutSecrets('status', status.stdout + status.stderr);
    const addresses = (await pair.status()).services.map(({ http }) => http);
    expect(addresses).toHaveLength(4);
    for (const address of addresses) withoutSecrets('metrics', await (await fetch(`${address}/metrics`)).text());
    const processes = (await listProcesses()).map(({ args }) => args);
    expect(processes.filter((args) => args.includes(pair.config)).length).toBeGreaterThanOrEqual(5);
    withoutSecrets('the process list', processes.join('\n'));
    await up.stop();
    withoutSecrets('the log', up.stderr);
  }, 240_000);

  test('is refused with a wrong password of Kafka, once and without it', async () => {
    const right = pair.env.KAFKA_SASL_PASSWORD;
    const wrong = `wrong-${secret()}`;
    pair.env.KAFKA_SASL_PASSWORD = wrong;
    try {
      for (const service of ['capture', 'transform', 'apply']) {
        const { code, stderr, json } = await pair.run(service, '--json');
        expect(code, stderr).toBe(1);
        expect(json<CliError>().error).toMatchObject({
          code: 'auth-failed',
          message: expect.stringMatching(/SASL SCRAM SHA512 authentication failed/),
          remedy: 'Correct user or password in log.sasl.',
        });
        expect(stderr).not.toContain(wrong);
        // Of the log line and the command's last word.
        expect(stderr.match(/authentication failed/g)!.length).toBeLessThanOrEqual(2);
      }
      const status = await pair.run('status', '--json');
      expect(status.stdout).toMatch(/SASL SCRAM SHA512 authentication failed/);
      withoutSecrets('status', status.stdout + status.stderr);
    } finally {
      pair.env.KAFKA_SASL_PASSWORD = right;
    }
  });

  test('is warned of a password that SASL PLAIN sends in the clear', async () => {
    const { KAFKA_BROKERS, KAFKA_TLS_CA, KAFKA_SASL_MECHANISM } = pair.env;
    Object.assign(pair.env, { KAFKA_BROKERS: kafka.saslInTheClear, KAFKA_TLS_CA: '', KAFKA_SASL_MECHANISM: 'plain' });
    // The password is the one for SCRAM, so that the service ends by itself.
    const { code, stderr } = await pair.run('transform');
    Object.assign(pair.env, { KAFKA_BROKERS, KAFKA_TLS_CA, KAFKA_SASL_MECHANISM });
    expect(code).toBe(1);
    expect(stderr.match(/sends the Kafka password in the clear/g)).toHaveLength(1);
  });

  test('is refused by certificates that nobody has vouched for', async () => {
    const { SOURCE_URL, KAFKA_TLS_CA } = pair.env;
    const other = await CertificateAuthority.create(directory, 'other');
    pair.env.SOURCE_URL = SOURCE_URL!.replace(/sslrootcert=[^&]+/, `sslrootcert=${other.file}`);
    const capture = await pair.run('capture', '--json');
    expect(capture.code).toBe(1);
    expect(capture.json<CliError>().error).toMatchObject({ code: 'tls-failed' });
    pair.env.SOURCE_URL = SOURCE_URL;
    pair.env.KAFKA_TLS_CA = other.file;
    const transform = await pair.run('transform', '--json');
    expect(transform.code).toBe(1);
    expect(transform.json<CliError>().error).toMatchObject({ code: 'tls-failed' });
    pair.env.KAFKA_TLS_CA = KAFKA_TLS_CA;
  });
});
