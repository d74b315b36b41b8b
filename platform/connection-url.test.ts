import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FerryError } from '../core/errors.js';
import { parseConnectionUrl } from './connection-url.js';

const directory = mkdtempSync(join(tmpdir(), 'ferry-test-url-'));
const ca = join(directory, 'ca.pem');
writeFileSync(ca, 'the CA');
afterAll(() => rmSync(directory, { recursive: true }));

const read = (query: string, env: Record<string, string> = {}) =>
  parseConnectionUrl(`postgres://me:p%40w@db.example:5433/shop${query}`, 'the source', env);
const ssl = (query: string, env: Record<string, string> = {}) => read(query, env).config.ssl;

function refusal(query: string): FerryError {
  try {
    read(query);
  } catch (error) {
    expect(error).toBeInstanceOf(FerryError);
    return error as FerryError;
  }
  throw new Error('it was accepted');
}

test('the parts of a URL', () => {
  expect(read('?options=-c%20geqo%3Doff').config).toMatchObject({
    host: 'db.example',
    port: 5433,
    user: 'me',
    password: 'p@w',
    database: 'shop',
    options: '-c geqo=off',
  });
});

describe('sslmode means what libpq means by it', () => {
  test('disable', () => {
    expect(ssl('?sslmode=disable')).toBe(false);
  });

  test('prefer, which is also what no sslmode means: TLS that checks nothing, or none', () => {
    for (const query of ['', '?sslmode=prefer']) {
      expect(ssl(query)).toEqual({ rejectUnauthorized: false });
      expect(read(query).tlsIsOptional).toBe(true);
    }
  });

  test('require, and ssl=true of JDBC: TLS that checks nothing, with a CA that checks it', () => {
    for (const query of ['?sslmode=require', '?ssl=true', '?uselibpqcompat=true&sslmode=require']) {
      expect(ssl(query)).toEqual({ rejectUnauthorized: false });
      expect(read(query).tlsIsOptional).toBe(false);
    }
    expect(ssl(`?sslmode=require&sslrootcert=${ca}`)).toEqual({
      ca: 'the CA',
      checkServerIdentity: expect.any(Function),
    });
  });

  test('verify-ca: the CA but not the name', () => {
    expect(ssl(`?sslmode=verify-ca&sslrootcert=${ca}`)).toEqual({
      ca: 'the CA',
      checkServerIdentity: expect.any(Function),
    });
    expect(refusal('?sslmode=verify-ca').message).toMatch(/^the source: sslmode=verify-ca takes sslrootcert/);
  });

  test('verify-full: both; of no named CA, or of system, the ones that everybody trusts', () => {
    expect(ssl(`?sslmode=verify-full&sslrootcert=${ca}`)).toEqual({ ca: 'the CA' });
    expect(ssl('?sslmode=verify-full')).toEqual({});
    expect(ssl('?sslmode=verify-full&sslrootcert=system')).toEqual({});
    expect(refusal('?sslmode=require&sslrootcert=system').code).toBe('config-invalid');
  });

  test('who names a CA and no mode wants it checked', () => {
    expect(ssl(`?sslrootcert=${ca}`)).toEqual({ ca: 'the CA' });
  });

  test('client certificate and key go along', () => {
    expect(ssl(`?sslmode=require&sslcert=${ca}&sslkey=${ca}`)).toMatchObject({ cert: 'the CA', key: 'the CA' });
  });

  test('a socket of this machine has no TLS', () => {
    const { config, tlsIsOptional } = parseConnectionUrl('postgres://me@/shop?host=/run&sslmode=require', 'it', {});
    expect({ host: config.host, ssl: config.ssl, tlsIsOptional }).toEqual({
      host: '/run',
      ssl: false,
      tlsIsOptional: false,
    });
  });
});

test("libpq's variables stand in for what the URL leaves out", () => {
  const env = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: ca };
  expect(ssl('', env)).toEqual({ ca: 'the CA' });
  expect(ssl('?sslmode=disable', env)).toBe(false);
});

describe('refused as configuration', () => {
  test('a mode that is none', () => {
    const { code, message } = refusal('?sslmode=no-verify');
    expect(code).toBe('config-invalid');
    expect(message).toBe(
      'the source: sslmode is "no-verify", not one of disable, prefer, require, verify-ca, verify-full',
    );
  });

  test('a file that cannot be read', () => {
    expect(refusal(`?sslrootcert=${directory}/gone.pem`).message).toBe(
      `the source: cannot read ${directory}/gone.pem: ENOENT`,
    );
    expect(refusal(`?sslrootcert=${directory}`).message).toBe('the source: cannot read a certificate or key: EISDIR');
  });
});
