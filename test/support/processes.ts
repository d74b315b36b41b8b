import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface RunningProcess {
  readonly pid: number;
  readonly args: string;
  /** Empty where we may not read it. */
  readonly environment: string;
}

/** Every process of this machine that we may look at; those that have ended but were not waited for are left out. */
export async function listProcesses(): Promise<RunningProcess[]> {
  return existsSync('/proc/self/cmdline') ? fromProc() : fromPs();
}

/** Those whose arguments or environment have the text, such as the directory that a test has to itself. */
export async function processesWith(text: string): Promise<RunningProcess[]> {
  const all = await listProcesses();
  return all.filter(({ pid, args, environment }) => pid !== process.pid && `${args} ${environment}`.includes(text));
}

async function fromProc(): Promise<RunningProcess[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) =>
    readFile(`/proc/${pid}/${file}`, 'utf8').then(
      (text) => text.replaceAll('\0', ' ').trim(),
      () => '',
    );
  const found = await Promise.all(
    names.map(async (pid) => ({
      pid: Number(pid),
      args: await read(pid, 'cmdline'),
      environment: await read(pid, 'environ'),
    })),
  );
  return found.filter(({ args }) => args !== '');
}

async function fromPs(): Promise<RunningProcess[]> {
  const { stdout } = await promisify(execFile)('ps', ['axww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+) (.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), args: match[2]!, environment: '' }] : [];
  });
}
