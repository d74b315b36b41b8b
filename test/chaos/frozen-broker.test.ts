import { expect, test } from 'vitest';
import { countedWrites, countWritesSql } from '../support/append-proof.js';
import { ownKafka } from '../support/kafka.js';
import { orSkip } from '../support/or-skip.js';
import { startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { describeWithPostgres } from '../support/servers.js';

describeWithPostgres('a broker that stops answering while its connections stand', () => {
  test('is said by every service, and all go on once it answers again, with nothing lost', async ({ skip }) => {
    const kafka = await orSkip(skip, 'Kafka broker that may be frozen (it takes Java and Maven)', () => ownKafka());
    try {
      await using pipeline = await startPipeline({
        driver: 'kafka',
        kafka: { brokers: kafka.brokers, replicationFactor: 1 },
        schemaSql: 'CREATE TABLE public.entries (id int PRIMARY KEY, note text)',
        sourceSql: `INSERT INTO public.entries SELECT i, 'copied' FROM generate_series(1, 10) i`,
        targetSql: countWritesSql([{ schema: 'growth', table: 'entries' }]),
        tables: { growth: fromPublic('entries') },
      });
      const services = [pipeline.capture, pipeline.transform, pipeline.apply];
      process.kill(kafka.pid, 'SIGSTOP');
      try {
        await pipeline.source.query(`INSERT INTO public.entries SELECT i, 'frozen' FROM generate_series(11, 500) i`);
        for (const service of services) {
          await pipeline.until(
            `${service.service} to find that the broker does not answer`,
            async () => (await service.stderr()).includes('"code":"log-unreachable"'),
            120_000,
          );
          expect((await fetch(`${await service.http()}/readyz`)).status).toBe(503);
        }
      } finally {
        process.kill(kafka.pid, 'SIGCONT');
      }
      await pipeline.source.query(`INSERT INTO public.entries SELECT i, 'after' FROM generate_series(501, 600) i`);
      await pipeline.expectApplied();
      expect(await countedWrites(pipeline.target)).toEqual(['entries: 1 x 600']);
      expect((await pipeline.statusIn('streaming')).ledger).toMatchObject({ addsUp: true });
    } finally {
      await kafka.stop();
    }
  }, 300_000);
});
