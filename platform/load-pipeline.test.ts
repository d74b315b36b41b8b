import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadPipeline } from './load-pipeline.js';

const ENV = { OLD: 'postgres://old', NEW: 'postgres://new' };

let forward: string;
beforeEach(async () => {
  forward = await mkdtemp(join(tmpdir(), 'ferry-test-load-'));
  await write('.', 'pipeline: shop\nsource: {url: "${OLD}"}\ntarget: {url: "${NEW}"}\n');
});
afterEach(() => rm(forward, { recursive: true }));

async function write(directory: string, pipeline: string): Promise<void> {
  await mkdir(join(forward, directory, 'mapping'), { recursive: true });
  await writeFile(join(forward, directory, 'pipeline.yaml'), pipeline);
  await writeFile(join(forward, directory, 'mapping/a.yaml'), 'schema: a\ntables: {t: {from: b.t}}\n');
}

const back = (of: string, source = 'NEW') =>
  `pipeline: shop-back\nwayBackOf: ${of}\nsource: {url: "\${${source}}"}\ntarget: {url: "\${OLD}"}\n`;

test('a way back knows where the pipeline is that it leads back', async () => {
  await write('back', back('..'));
  expect((await loadPipeline(join(forward, 'back'), ENV)).wayBackOf).toMatchObject({
    name: 'shop',
    directory: forward,
  });
  expect((await loadPipeline(forward, ENV)).wayBackOf).toBeUndefined();
});

test('one whose pipeline is not there, or goes elsewhere, is refused at its place', async () => {
  await write('back', back('nowhere'));
  const loading = () => loadPipeline(join(forward, 'back'), ENV);
  const at = `${join(forward, 'back/pipeline.yaml')}:2:1: `;
  await expect(loading()).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining(`${at}cannot read ${join(forward, 'back/nowhere/pipeline.yaml')}`),
  });
  await write('back', back('..', 'OLD'));
  await expect(loading()).rejects.toMatchObject({
    code: 'config-invalid',
    message: `${at}wayBackOf: source.url is not target.url of shop`,
  });
});
