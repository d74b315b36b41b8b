import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from './certificates.js';
import { freePort } from './free-port.js';
import { SINGLE_BROKER, START_TIMEOUT_MS, untilReady } from './kafka.js';
import { runKafkaTool, startMavenKafka } from './kafka-from-maven.js';
import type { MissingServer } from './postgres.js';

/** One broker under several addresses, host:port. */
export interface SecureKafka {
  /** Takes only SASL over TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. */
  readonly saslOverTls: string;
  /** Takes only clients with a certificate. */
  readonly mutualTls: string;
  /** Takes only SASL, without TLS. */
  readonly saslInTheClear: string;
  /** Takes anybody, without TLS; the broker's own, too. */
  readonly open: string;
  stop(): Promise<void>;
}

export interface SecureKafkaOptions {
  readonly server: Certificate;
  /** File of the CA that it trusts for client certificates. */
  readonly clientCa: string;
  readonly user: string;
  /** Its password by each mechanism. */
  readonly passwords: { readonly plain: string; readonly scram256: string; readonly scram512: string };
}

const LOGIN = {
  plain: 'org.apache.kafka.common.security.plain.PlainLoginModule',
  scram: 'org.apache.kafka.common.security.scram.ScramLoginModule',
} as const;

/**
 * The broker, or why there is none: without Java and Maven.
 * @throws Error with CI=true: there, a test that did not run is a failure.
 */
export async function secureKafkaOrMissing(options: SecureKafkaOptions): Promise<SecureKafka | MissingServer> {
  try {
    return await secureKafka(options);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return { missing: `a broker with TLS and SASL takes Java and Maven: ${(error as Error).message}` };
  }
}

async function secureKafka(options: SecureKafkaOptions): Promise<SecureKafka> {
  // All at once, so that they differ.
  const [broker, controller, saslSsl, ssl, saslPlaintext] = await Promise.all(Array.from({ length: 5 }, freePort));
  const ports = { broker: broker!, controller: controller! };
  const addresses = {
    SASL_SSL: `localhost:${saslSsl}`,
    SSL: `localhost:${ssl}`,
    SASL_PLAINTEXT: `localhost:${saslPlaintext}`,
    PLAINTEXT: `localhost:${broker}`,
  };
  const directory = await mkdtemp(join(tmpdir(), 'ferry-test-kafka-tls-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const settings = {
      ...SINGLE_BROKER,
      ...addressSettings(addresses, ports),
      ...(await tlsSettings(directory, options)),
    };
    const running = await startMavenKafka({ ...settings, ...saslSettings(options) }, ports);
    const stop = async () => {
      await running.stop();
      await remove();
    };
    try {
      await Promise.race([untilReady([addresses.PLAINTEXT], { timeoutMs: START_TIMEOUT_MS }), running.failed]);
      await addScramUser(addresses.PLAINTEXT, options);
    } catch (error) {
      await stop();
      throw error;
    }
    const { SASL_SSL, SSL, SASL_PLAINTEXT, PLAINTEXT } = addresses;
    return { saslOverTls: SASL_SSL, mutualTls: SSL, saslInTheClear: SASL_PLAINTEXT, open: PLAINTEXT, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

function addressSettings(
  addresses: Readonly<Record<string, string>>,
  ports: { controller: number },
): Record<string, string> {
  const advertised = Object.entries(addresses).map(([name, address]) => `${name}://${address}`);
  const own = advertised.map((one) => one.replace('localhost', '127.0.0.1'));
  return {
    listeners: [...own, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
  };
}

async function tlsSettings(
  directory: string,
  { server, clientCa }: SecureKafkaOptions,
): Promise<Record<string, string>> {
  const store = join(directory, 'server.pem');
  await writeFile(store, `${await readFile(server.key, 'utf8')}${await readFile(server.cert, 'utf8')}`, {
    mode: 0o600,
  });
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': clientCa,
    'listener.name.ssl.ssl.client.auth': 'required',
  };
}

function saslSettings({ user, passwords }: SecureKafkaOptions): Record<string, string> {
  const plain = `${LOGIN.plain} required user_${user}="${passwords.plain}";`;
  const listener = (name: string) => ({
    [`listener.name.${name}.plain.sasl.jaas.config`]: plain,
    [`listener.name.${name}.scram-sha-256.sasl.jaas.config`]: `${LOGIN.scram} required;`,
    [`listener.name.${name}.scram-sha-512.sasl.jaas.config`]: `${LOGIN.scram} required;`,
  });
  const mechanisms = { 'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512' };
  return { ...mechanisms, ...listener('sasl_ssl'), ...listener('sasl_plaintext') };
}

async function addScramUser(broker: string, { user, passwords }: SecureKafkaOptions): Promise<void> {
  // One at a time: the broker refuses to change a user twice in one request.
  for (const credential of [
    `SCRAM-SHA-256=[password=${passwords.scram256}]`,
    `SCRAM-SHA-512=[password=${passwords.scram512}]`,
  ]) {
    const change = ['--bootstrap-server', broker, '--alter', '--add-config', credential];
    await runKafkaTool('kafka.admin.ConfigCommand', [...change, '--entity-type', 'users', '--entity-name', user]);
  }
}
