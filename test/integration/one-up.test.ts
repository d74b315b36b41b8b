import { expect, test } from 'vitest';
import { MovingPair } from '../support/moving-pair.js';
import { describeWithKafka, testServers } from '../support/servers.js';

describeWithKafka('two ferry up of one pipeline over Kafka', () => {
  test('the second is refused by name while the first runs, and takes over at once when that is killed', async () => {
    const servers = testServers();
    const pair = await MovingPair.configured({ servers, brokers: servers.brokers![0]! });
    try {
      const first = await pair.up();
      const second = await pair.run('up', '--json');
      expect(second.code).toBe(1);
      expect(second.json()).toMatchObject({
        error: { code: 'runs-elsewhere', message: expect.stringContaining(`process ${first.pid} on `) },
      });
      await pair.change();
      await pair.untilStreaming();
      first.signal('SIGKILL');
      await first.ended;
      const next = pair.start('up');
      await next.said(/"service":"apply"[^\n]*"applying"/);
      await pair.change();
      await pair.untilStreaming();
      await pair.expectEqual();
    } finally {
      await pair.close();
    }
  });
});
