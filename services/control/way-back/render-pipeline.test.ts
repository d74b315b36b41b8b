import { expect, test } from 'vitest';
import { renderWayBack } from './render-pipeline.js';

const FORWARD = `# Comments of the other direction.
pipeline: \${NAME:-shop}
schemaChanges: propagate
functions: functions.mjs
source: {url: "postgres://\${USER_A}@old/shop"}
target: {url: "\${TARGET_URL}"}
log:
  directory: logs/shop
  partitions: 4
  tls: {ca: certs/ca.pem, cert: "\${CERT:-certs/our.pem}", key: "\${KEY}", serverName: kafka}
capture: {snapshotChunkRows: 10, walBudgetBytes: 1000000}
apply: {onRefusal: dead-letter}
cutover: {graceDays: 3}
http: {port: 9400}
`;

test('sides are swapped, paths stand from where the file is, and what only a copy needs is gone', () => {
  expect(
    renderWayBack(FORWARD, { name: 'shop', base: '../mine' }),
  ).toBe(`# The way back of shop: what is written to the new project comes to the old one.
# Written by \`ferry way-back\`, to be read and corrected; mapping/ says of each table what comes back and what does not.

pipeline: \${NAME:-shop}-back

# Where that pipeline is. The tables of both projects are equal when this one begins: it copies nothing.
wayBackOf: ../mine

# The new project.
source:
  url: \${TARGET_URL}

# The old project.
target:
  url: postgres://\${USER_A}@old/shop

# As shop has it; an embedded log is one of its own.
log:
  directory: ../mine/logs/shop-back
  partitions: 4
  tls:
    ca: ../mine/certs/ca.pem
    cert: \${CERT:-../mine/certs/our.pem}
    key: \${KEY}
    serverName: kafka

capture:
  walBudgetBytes: 1000000

apply:
  onRefusal: dead-letter
`);
});

test.each([
  ['system', 'system'],
  ['/etc/ca.pem', '/etc/ca.pem'],
  ['"${CA:-}"', '${CA:-}'],
  ['"${HOME}/ca.pem"', '${HOME}/ca.pem'],
])('a CA that is %s stays', (ca, expected) => {
  const text = `pipeline: p\nsource: {url: a}\ntarget: {url: b}\nlog: {tls: {ca: ${ca}}}\nhttp: {port: "\${PORT:-0}"}\n`;
  const back = renderWayBack(text, { name: 'p', base: '..' });
  expect(back).toContain(`\n    ca: ${expected}\n`);
  expect(back).toContain('\n  port: ${PORT:-0}\n');
});

test('without settings there are none', () => {
  const back = renderWayBack('pipeline: p\nsource: {url: a}\ntarget: {url: b}\n', { name: 'p', base: '..' });
  expect(back).toMatch(/url: a\n$/);
});
