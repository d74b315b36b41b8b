import { defineConfig } from 'vitest/config';
import LongFilesFirst from './test/support/long-files-first.js';

const CODE = '{core,platform,services,routing,cli,config,bench}/**/*.test.ts';

export default defineConfig({
  test: {
    reporters: ['default', './test/support/reporter.ts'],
    // Servers of the tests are ended after the run, and one that is stuck gets three tries.
    teardownTimeout: 60_000,
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [CODE, 'test/*.test.ts', 'test/support/**/*.test.ts'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/*/**/*.test.ts'],
          exclude: ['test/support/**'],
          globalSetup: './test/support/global-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
