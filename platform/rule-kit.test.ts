import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ruleKit, ruleKitOf } from './rule-kit.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ferry-functions-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function kitOf(name: string, text: string) {
  await writeFile(join(directory, name), text);
  return ruleKitOf({ directory, functions: name });
}

test('the functions are what the module exports, and nothing else of it', async () => {
  const { functions, sha1 } = await kitOf(
    'good.mjs',
    'export const a = (x) => x; export function b() { return null }; export const c = 1;',
  );
  expect([...functions.keys()].sort()).toEqual(['a', 'b']);
  expect(functions.get('a')!('x')).toBe('x');
  expect(sha1).toBe(ruleKit.sha1);
  expect(await ruleKitOf({ directory, functions: undefined })).toBe(ruleKit);
});

test.each([
  ['async.mjs', 'export const late = async () => null;', 'the function late is async or a generator'],
  ['generator.mjs', 'export function* late() {}', 'the function late is async or a generator'],
  ['broken.mjs', 'throw new Error("of its own");', 'of its own'],
  ['absent/module.mjs', undefined, 'cannot load'],
])('%s is refused', async (name, text, message) => {
  const kit = text === undefined ? ruleKitOf({ directory, functions: name }) : kitOf(name, text);
  await expect(kit).rejects.toMatchObject({ code: 'config-invalid', message: expect.stringContaining(message) });
});
