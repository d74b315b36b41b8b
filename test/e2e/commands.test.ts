import { expect, test } from 'vitest';
import { packageVersion } from '../../platform/package-root.js';
import { type CliError, runFerry, testEnvironment } from '../support/cli.js';

const SERVICES = ['capture', 'transform', 'apply', 'control'];
const COMMANDS = [
  'demo',
  'init',
  'check',
  'up',
  'status',
  'verify',
  'compare-reads',
  'rollout',
  'cutover',
  'rollback',
  'way-back',
  'replay',
  'resync',
  'finish',
  'history',
  'report',
  ...SERVICES,
];

const ferry = (...args: readonly string[]) => runFerry(args, testEnvironment());

test('--help names every command, and --help of each has an example and --json', async () => {
  const help = await ferry('--help');
  expect(help.code).toBe(0);
  for (const command of COMMANDS) {
    expect(help.stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    const { code, stdout } = await ferry(command, '--help');
    expect(code, command).toBe(0);
    expect(stdout, command).toMatch(new RegExp(`^Examples?:\\n(.*\\n)?.*ferry ${command}\\b`, 'm'));
    expect(stdout, command).toContain('--json');
  }
});

test('--version is that of the package', async () => {
  expect(await ferry('--version')).toMatchObject({ code: 0, stdout: `${packageVersion()}\n` });
});

test('without a command, or with one that is none, it says what there is', async () => {
  for (const args of [[], ['cutoff'], ['--bogus']]) {
    const { code, stdout, stderr } = await ferry(...args);
    expect(code, args.join(' ')).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(args.length === 0 ? /Usage: ferry/ : /error: unknown (command|option) .*\(see --help\)/s);
  }
});

test('an unknown flag, a missing one and one argument too many are refused by each command, as JSON when asked', async () => {
  for (const command of COMMANDS) {
    const unknown = await ferry(command, '--bogus', '--json');
    expect(unknown.code, command).toBe(2);
    expect(unknown.json<CliError>(), command).toMatchObject({ ok: false, error: { code: 'usage' } });
    expect(unknown.stdout.trim().split('\n'), command).toHaveLength(1);
    expect(unknown.stderr, command).toMatch(/error: (unknown option '--bogus'|required option)/);
  }
  const surplus = await ferry('status', 'surplus', '-c', 'config/growth-split');
  expect(surplus.code).toBe(2);
  expect(surplus.stderr).toContain('too many arguments');
});

test('values that are out of range are refused with what would do', async () => {
  for (const [args, message] of [
    [['demo', '--rows', '0'], 'Write a whole number above 0.'],
    [['demo', '--rows', '10'], 'Write at least 1000.'],
    [['demo', '--rows', 'many'], 'Write a whole number above 0.'],
    [['demo', '--pipeline', 'nothing'], 'there is no ready pipeline nothing'],
    [['cutover', '-c', 'x', '--force', 'parity'], '--force parity needs a reason'],
    [['cutover', '-c', 'x', '--max-pause', 'soon'], 'Write it like 500ms, 10s, 2m or 1h.'],
    [['rollout', '-c', 'x', '--percent', '101'], 'Write a whole number from 0 to 100.'],
    [['init', '--map', 'public=growth', '--out', '/tmp/nowhere'], 'init needs --source, or SOURCE_URL'],
    [['init', '--source', 'postgres://h/d', '--map', 'public', '--out', 'x'], '--map public: not SCHEMA=SCHEMA'],
    [['init', '--source', 'postgres://h/d', '--map', 'a=b', '--out', 'x', '--create-target'], 'needs --target'],
  ] as const) {
    const { code, stderr } = await ferry(...args);
    expect(code, args.join(' ')).toBe(2);
    expect(stderr, args.join(' ')).toContain(message);
  }
});
