import { join } from 'node:path';
import { expect, test } from 'vitest';
import { orSkip } from './support/or-skip.js';
import { MONITORING, promtool } from './support/prometheus.js';

const checks = {
  'the alert rules are valid': ['check', 'rules', join(MONITORING, 'alerts.yml')],
  'the alerts fire when they should, and only then': ['test', 'rules', join(MONITORING, 'alerts.test.yml')],
  'the configuration is valid': ['check', 'config', join(MONITORING, 'prometheus.yml')],
};

for (const [what, args] of Object.entries(checks)) {
  test(what, async ({ skip }) => {
    await orSkip(skip, 'promtool', () => promtool(['--version']));
    expect(await promtool(args)).toContain('SUCCESS');
  });
}
