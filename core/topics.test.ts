import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyText } from '../test/support/texts.js';
import { sourceObjectName, topicsOf } from './topics.js';

describe('topicsOf', () => {
  test('names every topic after the pipeline', () => {
    const topics = topicsOf('growth-split', 1);
    expect(topics).toMatchObject({
      raw: 'growth-split.raw',
      deadLetter: 'growth-split.dead-letter',
      control: 'growth-split.control',
    });
    expect(topics.domain('security_service')).toBe('growth-split.domain.security_service');
  });

  test('writes what Kafka does not allow in a schema name as its code point', () => {
    expect(topicsOf('p', 1).domain('Büro 1')).toBe('p.domain.B_xfc_ro_x20_1');
    expect(topicsOf('p', 1).domain('a/b')).toBe('p.domain.a_x2f_b');
    expect(topicsOf('p', 1).domain('🚢')).toMatch(/^p\.domain\.[A-Za-z0-9._-]+$/);
  });

  test('gives any schema a name that Kafka allows', () => {
    fc.assert(
      fc.property(
        anyText.filter((text) => text !== ''),
        (schema) => {
          expect(topicsOf('p', 1).domain(schema)).toMatch(/^p\.domain\.[A-Za-z0-9._-]+$/);
        },
      ),
    );
  });

  test('keeps schemas apart', () => {
    const name = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', ' ', '-', '.', 'ü') });
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(topicsOf('p', 1).domain(a) === topicsOf('p', 1).domain(b)).toBe(a === b);
      }),
    );
  });
});

test('sourceObjectName has only what PostgreSQL allows in the name of a slot', () => {
  expect(sourceObjectName('growth-split_2')).toBe('ferry_growth_split_2');
});
