import { afterEach, expect, test } from 'vitest';
import type { CliError } from '../../support/cli.js';
import { type OwnKafka, ownKafka } from '../../support/kafka.js';
import { MovingPair } from '../../support/moving-pair.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('a broker that cannot be reached', () => {
  let pair: MovingPair | undefined;
  let kafka: OwnKafka | undefined;

  afterEach(async () => {
    await pair?.close();
    await kafka?.stop();
    pair = undefined;
    kafka = undefined;
  });

  test('at the start and in mid-run: said, tried again, and every change arrives', async ({ skip }) => {
    try {
      kafka = await ownKafka();
    } catch (error) {
      return skip(`a broker that may be killed takes Java and Maven: ${(error as Error).message}`);
    }
    pair = await MovingPair.configured({ servers: testServers(), brokers: kafka.brokers[0] });
    await kafka.down();
    const up = pair.start('up');
    await up.said(/"code":"log-unreachable"[^\n]*ECONNREFUSED[^\n]*; trying again/);
    const status = await pair.run('status', '--json');
    expect(status.code).toBe(1);
    expect(status.json()).toMatchObject({
      phase: 'unknown',
      errors: expect.arrayContaining([expect.stringMatching(/ECONNREFUSED/)]),
    });
    const cutover = await pair.run('cutover', '--json');
    expect(cutover.code).toBe(1);
    expect(cutover.json<CliError>().error.code).toBe('log-unreachable');

    await kafka.up();
    await pair.untilStreaming();

    await kafka.down();
    await pair.change();
    const { length } = up.stderr;
    await up.said(/"service":"capture","code":"log-unreachable"/);
    expect(up.stderr.length).toBeGreaterThan(length);
    await kafka.up();
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
  });
});
