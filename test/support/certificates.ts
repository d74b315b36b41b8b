import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files; the key is PKCS #8, which Kafka wants. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAYS = '2';

/**
 * A certificate authority of one test, by the openssl that every system has: what npm offers for it brings twenty
 * packages, or is not looked after.
 */
export class CertificateAuthority {
  readonly #directory: string;
  readonly #name: string;
  readonly #own: Certificate;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.#own = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
  }

  /** @param name of its files in the directory. */
  static async create(directory: string, name: string): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(directory, name);
    const config = join(directory, `${name}.cnf`);
    await writeFile(
      config,
      `[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = ${name}\n` +
        '[ca]\nbasicConstraints = critical, CA:TRUE\nsubjectKeyIdentifier = hash\n',
    );
    const { cert, key } = authority.#own;
    const files = ['-config', config, '-extensions', 'ca', '-keyout', key, '-out', cert];
    await run('openssl', ['req', '-x509', ...EC_KEY, '-days', DAYS, ...files]);
    return authority;
  }

  /** Its certificate, for who shall trust it. */
  get file(): string {
    return this.#own.cert;
  }

  /**
   * Issues a certificate.
   * @param names as in subjectAltName, `DNS:localhost`; the first one's text is the common name.
   */
  async issue(name: string, names: readonly [string, ...string[]]): Promise<Certificate> {
    const at = (suffix: string) => join(this.#directory, `${this.#name}-${name}.${suffix}`);
    const commonName = names[0].slice(names[0].indexOf(':') + 1);
    await writeFile(
      at('cnf'),
      `[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = ${commonName}\n` +
        `[leaf]\nbasicConstraints = CA:FALSE\nsubjectAltName = ${names.join(', ')}\n`,
    );
    await run('openssl', ['req', '-new', ...EC_KEY, '-config', at('cnf'), '-keyout', at('key'), '-out', at('csr')]);
    const signer = ['-CA', this.#own.cert, '-CAkey', this.#own.key, '-CAcreateserial', '-days', DAYS];
    const extensions = ['-extfile', at('cnf'), '-extensions', 'leaf'];
    await run('openssl', ['x509', '-req', '-in', at('csr'), ...signer, ...extensions, '-out', at('pem')]);
    return { cert: at('pem'), key: at('key') };
  }
}
