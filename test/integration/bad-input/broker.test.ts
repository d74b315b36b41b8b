import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { type OwnKafka, ownKafka } from '../../support/kafka.js';
import { MovingPair } from '../../support/moving-pair.js';
import { orSkip } from '../../support/or-skip.js';
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
    kafka = await orSkip(skip, 'Kafka broker that may be killed (it takes Java and Maven)', ownKafka);
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
    await kafka.up();
    await pair.untilStreaming();

    await kafka.down();
    await pair.change();
    const before = up.stderr.length;
    await eventually(() => /"service":"capture","code":"log-unreachable"/.test(up.stderr.slice(before)), {
      what: 'capture to say that the broker is gone',
    });
    await kafka.up();
    await pair.change();
    await pair.untilStreaming();
    await pair.expectEqual();
  }, 240_000);
});
