import { expect, test } from 'vitest';
import { renderTable } from './output.js';

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('a table is as wide as its content', () => {
  const text = renderTable(['a', 'name'], [['1', 'users']], { columns: 120 });
  expect(text.split('\n')[1]).toBe('│ a │ name  │');
});

test('the column named for it is wrapped at words when the terminal is narrow', () => {
  const text = renderTable(['a', 'what'], [['1', 'word '.repeat(40).trim()]], { columns: 80, wrap: 1 });
  expect(widest(text)).toBe(80);
  expect(text.match(/word/g)).toHaveLength(40);
});
