import type { RuleKit } from './rule-kit.js';

/** A UUID of version 5 (RFC 9562): of a name within a namespace. */
export function uuidV5(namespace: string, name: string, { sha1 }: RuleKit): string {
  const space = Uint8Array.from(namespace.replaceAll('-', '').match(/../g)!, (hex) => Number.parseInt(hex, 16));
  const bytes = new TextEncoder().encode(name);
  const both = new Uint8Array(space.length + bytes.length);
  both.set(space);
  both.set(bytes, space.length);
  const hash = sha1(both).slice(0, 16);
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
