import type { RuleKit } from './rule-kit.js';

/** Of a name that is hashed where the last one was. */
const NAME_BYTES = 256;

/** UUIDs of version 5 (RFC 9562) out of names within a namespace. */
export function uuidV5(namespace: string, { sha1 }: RuleKit): (name: string) => string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  const both = Buffer.concat([space, Buffer.alloc(NAME_BYTES)]);
  const bytesOf = (name: string) =>
    // A character has three bytes at the most.
    name.length * 3 > NAME_BYTES
      ? Buffer.concat([space, Buffer.from(name)])
      : both.subarray(0, space.length + both.write(name, space.length));
  return (name) => {
    const hex = Buffer.from(sha1(bytesOf(name))).toString('hex', 0, 16);
    // Four bits of the version, two of the variant.
    const variant = VARIANT[hex[16]!]!;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
}

const VARIANT: Readonly<Record<string, string>> = Object.fromEntries(
  [...'0123456789abcdef'].map((digit, i) => [digit, '89ab'[i % 4]!]),
);
