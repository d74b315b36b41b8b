import { expect, test } from 'vitest';
import { libpqConnectionString } from './connection-string.js';

test('sslmode is to be read as libpq reads it; a URL that says it itself, or has none, stays as it is', () => {
  expect(libpqConnectionString('postgres://h/d?sslmode=require')).toBe(
    'postgres://h/d?sslmode=require&uselibpqcompat=true',
  );
  for (const url of ['postgres://h/d', 'postgres://h/d?a=b', 'postgres://h/d?uselibpqcompat=false&sslmode=require']) {
    expect(libpqConnectionString(url)).toBe(url);
  }
});
