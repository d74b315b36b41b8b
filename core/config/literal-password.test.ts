import { describe, expect, test } from 'vitest';
import { hasLiteralPassword, isLiteral } from './literal-password.js';

describe('a connection URL as it stands in a file', () => {
  test.each([
    '${SOURCE_URL}',
    '${SOURCE_URL:-postgres://me@localhost/shop}',
    'postgres://me@db.example/shop',
    'postgres://me:${PASSWORD}@db.example:5432/shop?sslmode=verify-full',
    'postgres://${USER}:${PASSWORD}@${HOST}:${PORT}/${DATABASE}',
    'postgres://${USER}:${PASSWORD:-}@${HOST:-localhost}:${PORT:-5432}/shop',
    'postgres://me@db.example/shop?password=${PASSWORD}',
    'unused',
  ])('%s has no password of its own', (url) => {
    expect(hasLiteralPassword(url)).toBe(false);
  });

  test.each([
    'postgres://me:hunter2@db.example/shop',
    'postgres://me:hunter2@/shop?host=/run/postgresql',
    'postgres://${USER}:hunter2@${HOST}:${PORT}/shop',
    'postgres://me:${PASSWORD:-hunter2}@db.example/shop',
    'postgres://me:hunter${DIGIT}@db.example/shop',
    '${SOURCE_URL:-postgres://me:hunter2@db.example/shop}',
    'postgres://me@db.example/shop?password=hunter2',
  ])('%s has one', (url) => {
    expect(hasLiteralPassword(url)).toBe(true);
  });
});

test('a text is literal where it does not come from the environment whole', () => {
  expect(['', '${P}', '${P:-}', '${P}${Q}'].map(isLiteral)).toEqual([false, false, false, false]);
  expect(['hunter2', '${P:-hunter2}', 'x${P}', '$${P}'].map(isLiteral)).toEqual([true, true, true, true]);
});
