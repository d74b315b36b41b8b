import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliError, runFerry, testEnvironment } from '../../support/cli.js';

const PIPELINE = `pipeline: shop
source:
  url: postgres://localhost:1/old
target:
  url: postgres://localhost:1/new
`;
const MAPPING = 'schema: growth\ntables:\n  users:\n    from: public.users\n';

/** Refused before any server is asked, so that no server is needed here. */
describe('a configuration that is wrong', () => {
  let parent: string;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'ferry-test-config-'));
  });

  afterAll(async () => {
    await rm(parent, { recursive: true, force: true });
  });

  async function written(files: { pipeline?: string; mapping?: string }): Promise<string> {
    const directory = await mkdtemp(join(parent, 'config-'));
    await mkdir(join(directory, 'mapping'), { recursive: true });
    await writeFile(join(directory, 'pipeline.yaml'), files.pipeline ?? PIPELINE);
    await writeFile(join(directory, 'mapping', 'growth.yaml'), files.mapping ?? MAPPING);
    return directory;
  }

  async function refused(files: { pipeline?: string; mapping?: string }) {
    const directory = await written(files);
    const result = await runFerry(['check', '-c', directory], testEnvironment());
    expect(result.code).toBe(2);
    expect(result.stdout).toBe('');
    return result.stderr.replaceAll(directory, 'DIR');
  }

  test('malformed YAML: file, line, column', async () => {
    expect(await refused({ pipeline: `${PIPELINE}log: {brokers: [\n` })).toMatch(
      /^error: DIR\/pipeline\.yaml:7:1: .*\n {2}next: Correct the configuration at the place named\.\n$/s,
    );
  });

  test('an unset variable: by name, where it stands', async () => {
    const pipeline = PIPELINE.replace('postgres://localhost:1/old', '$' + '{FERRY_TEST_UNSET}');
    expect(await refused({ pipeline })).toBe(
      'error: DIR/pipeline.yaml:3:8: the environment variable FERRY_TEST_UNSET is not set\n' +
        '  next: Export the variable before the command.\n',
    );
  });

  test('a password that stands in the file: where, without it', async () => {
    const pipeline = PIPELINE.replace('postgres://localhost:1/old', 'postgres://me:hunter2@localhost:1/old');
    const message = await refused({ pipeline });
    expect(message).toContain('error: DIR/pipeline.yaml:3:8: source.url: a password stands in the file\n');
    expect(message).not.toContain('hunter2');
  });

  test('all that is unknown or out of range, at once', async () => {
    const message = await refused({ pipeline: `${PIPELINE}captur: {}\napply:\n  batchMaxBytes: -1\n` });
    expect(message).toMatch(/DIR\/pipeline\.yaml:6:1: .*captur/);
    expect(message).toMatch(/DIR\/pipeline\.yaml:8:18: apply\.batchMaxBytes: /);
  });

  test('a table that is mapped twice: both places', async () => {
    const mapping = `${MAPPING}  people:\n    merge:\n      - {from: public.users}\n      - {from: public.users}\n`;
    expect(await refused({ mapping })).toContain(
      'DIR/mapping/growth.yaml:8:9: public.users goes to growth.people already at DIR/mapping/growth.yaml:7:9',
    );
  });

  test('a name that is none, and a mapping without tables', async () => {
    const mapping = MAPPING.replace('public.users', 'users');
    expect(await refused({ mapping })).toContain('DIR/mapping/growth.yaml:4:11: "users" is not schema.table');
    expect(await refused({ mapping: 'schema: growth\ntables: {}\n' })).toContain('no mapping/*.yaml beside it maps');
  });

  test('a directory that is not there', async () => {
    const { code, stderr } = await runFerry(['up', '-c', join(parent, 'nowhere')], testEnvironment());
    expect(code).toBe(2);
    expect(stderr).toMatch(/error: cannot read .*nowhere\/pipeline\.yaml: ENOENT\n {2}next: Name the directory/);
  });

  test('every command refuses it in the same words, as JSON when asked', async () => {
    const directory = await written({ pipeline: `${PIPELINE}captur: {}\n` });
    const commands = [
      'check',
      'up',
      'status',
      'verify',
      'cutover',
      'replay',
      'capture',
      'transform',
      'apply',
      'control',
    ];
    for (const command of commands) {
      const result = await runFerry([command, '-c', directory, '--json'], testEnvironment());
      expect(result.code, command).toBe(2);
      expect(result.json<CliError>(), command).toMatchObject({
        ok: false,
        error: { code: 'config-invalid', message: expect.stringContaining(`${directory}/pipeline.yaml:6:1: `) },
      });
      expect(result.stdout.trimEnd().split('\n'), command).toHaveLength(1);
    }
  });
});
