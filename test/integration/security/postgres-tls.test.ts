import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FerryError } from '../../../core/errors.js';
import { connect, isEncrypted } from '../../../platform/postgres.js';
import { createRouter } from '../../../routing/router.js';
import { CertificateAuthority } from '../../support/certificates.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { describeWithCertificates } from '../../support/servers.js';
import { CERTIFICATE_ROLE, type TlsPostgres, tlsPostgres } from '../../support/tls-postgres.js';

describeWithCertificates('PostgreSQL', () => {
  let directory: string;
  let authority: CertificateAuthority;
  let other: CertificateAuthority;
  let demanding: TlsPostgres;
  let without: OwnServer;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ferry-test-certificates-'));
    authority = await CertificateAuthority.create(directory, 'ca');
    other = await CertificateAuthority.create(directory, 'other');
    demanding = await tlsPostgres(await authority.issue('server', ['DNS:localhost']), authority.file);
    without = await ownServer();
  });

  afterAll(async () => {
    await demanding?.stop();
    await without?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const demandingBy = (query: string, host = 'localhost') => `${demanding.url.replace('localhost', host)}?${query}`;

  async function encrypted(url: string): Promise<boolean> {
    const client = await connect('source', url, { applicationName: 'ferry-test' });
    try {
      const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      expect(rows[0].ssl).toBe(isEncrypted(client) ? 't' : 'f');
      return isEncrypted(client);
    } finally {
      await client.end();
    }
  }

  const refusal = (url: string): Promise<FerryError> =>
    connect('source', url, { applicationName: 'ferry-test' }).then(
      async (client) => {
        await client.end();
        throw new Error('it was let in');
      },
      (error: FerryError) => {
        expect(JSON.stringify([error.message, error.details, error.remedy])).not.toContain(new URL(url).password);
        return error;
      },
    );

  describe('that demands TLS', () => {
    test('lets in by every mode but disable', async () => {
      const ca = `sslrootcert=${authority.file}`;
      for (const query of ['', 'sslmode=prefer', 'sslmode=require', `${ca}&sslmode=require`, ca]) {
        expect(await encrypted(demandingBy(query)), query).toBe(true);
      }
      for (const mode of ['verify-ca', 'verify-full']) {
        expect(await encrypted(demandingBy(`sslmode=${mode}&${ca}`)), mode).toBe(true);
      }
      // The name in the certificate is localhost.
      expect(await encrypted(demandingBy(`sslmode=verify-ca&${ca}`, '127.0.0.1'))).toBe(true);
      const error = await refusal(demandingBy('sslmode=disable'));
      expect(error.message).toMatch(/^the source database localhost:\d+\/postgres: .*no encryption/);
      expect(error.code).toBe('auth-failed');
      expect(error.remedy).toMatch(/a server that demands TLS .* takes sslmode=verify-full/);
    });

    test('is not trusted under another CA, or under none', async () => {
      for (const query of [`sslmode=verify-full&sslrootcert=${other.file}`, 'sslmode=verify-full']) {
        const error = await refusal(demandingBy(query));
        expect(error.message).toMatch(/^the source database localhost:\d+\/postgres: TLS: .*certificate/);
        expect(error).toMatchObject({ code: 'tls-failed', policy: { react: 'halt' } });
        expect(error.remedy).toMatch(/sslrootcert/);
      }
      expect((await refusal(demandingBy(`sslmode=require&sslrootcert=${other.file}`))).code).toBe('tls-failed');
    });

    test('is not taken for another host', async () => {
      const error = await refusal(demandingBy(`sslmode=verify-full&sslrootcert=${authority.file}`, '127.0.0.1'));
      expect(error.code).toBe('tls-failed');
      expect(error.message).toMatch(/TLS: Hostname\/IP does not match certificate's altnames/);
      expect(error.remedy).toMatch(/^Connect by a name that stands in the server's certificate/);
    });

    test('takes a client certificate, and says so where there is none or a wrong one', async () => {
      const superuser = await connect('source', demandingBy(''), { applicationName: 'ferry-test' });
      await superuser.query(`CREATE ROLE ${CERTIFICATE_ROLE} LOGIN`).finally(() => superuser.end());
      const by = (files: string) => {
        const url = new URL(demandingBy(`sslmode=verify-full&sslrootcert=${authority.file}${files}`));
        url.username = CERTIFICATE_ROLE;
        return url.href;
      };
      const mine = await authority.issue('client', [`DNS:${CERTIFICATE_ROLE}`]);
      expect(await encrypted(by(`&sslcert=${mine.cert}&sslkey=${mine.key}`))).toBe(true);
      expect(await refusal(by(''))).toMatchObject({
        code: 'auth-failed',
        message: expect.stringContaining('valid client certificate'),
      });
      const foreign = await other.issue('client', [`DNS:${CERTIFICATE_ROLE}`]);
      expect(await refusal(by(`&sslcert=${foreign.cert}&sslkey=${foreign.key}`))).toMatchObject({
        code: 'tls-failed',
        remedy: expect.stringContaining('sslcert'),
      });
      expect((await refusal(by(`&sslcert=${mine.cert}&sslkey=${foreign.key}`))).code).toBe('config-invalid');
      expect((await refusal(by(`&sslcert=${mine.cert}&sslkey=${directory}/gone`))).message).toMatch(/gone: ENOENT$/);
    });

    test('is followed by the routing client', async () => {
      const errors: Error[] = [];
      const follow = async (query: string) => {
        errors.length = 0;
        const onError = (error: Error) => void errors.push(error);
        const router = createRouter({
          url: demandingBy(query),
          pipeline: 'none',
          env: {},
          onError,
          whenStale: 'source',
        });
        const side = await router.serving();
        await router.close();
        return side;
      };
      for (const query of ['sslmode=require', `sslmode=verify-full&sslrootcert=${authority.file}`]) {
        expect(await follow(query)).toBe('source');
        expect(errors).toEqual([]);
      }
      await follow(`sslmode=verify-full&sslrootcert=${other.file}`);
      expect(String(errors[0])).toMatch(/certificate/);
    });
  });

  describe('without TLS', () => {
    test('is spoken to in the clear where the URL allows that', async () => {
      for (const query of ['', '?sslmode=prefer', '?sslmode=disable']) {
        expect(await encrypted(`${without.url}${query}`), query).toBe(false);
      }
    });

    test('is refused where the URL demands it', async () => {
      for (const query of ['sslmode=require', `sslmode=verify-full&sslrootcert=${authority.file}`]) {
        const error = await refusal(`${without.url}?${query}`);
        expect(error).toMatchObject({ code: 'tls-failed', remedy: expect.stringContaining('sslmode=prefer') });
        expect(error.message).toMatch(/: the server has no TLS, and sslmode demands it$/);
      }
    });
  });
});
