// Protobuf as a Kubernetes client writes it, from JSON, by the table that the reader uses. For tests of the reader.
import { MESSAGES } from '../../src/protocols/kubernetes/proto-messages.ts';

const rows = new Map(MESSAGES.map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1)]));

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export function chunk(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function field(number: number, type: string, value: unknown): Buffer {
  switch (type) {
    case 'b':
    case 'i':
      return Buffer.concat([varint(number << 3), varint(Number(value))]);
    case 's':
      return chunk(number, Buffer.from(String(value)));
    case 'y':
      return chunk(number, Buffer.from(String(value), 'base64'));
    case 'resource.Quantity':
      return chunk(number, chunk(1, Buffer.from(String(value))));
    case 'intstr.IntOrString':
      return chunk(
        number,
        typeof value === 'number' ? field(2, 'i', value) : Buffer.concat([field(1, 'i', 1), field(3, 's', value)]),
      );
    default:
      return chunk(number, encodeMessage(type, value as Record<string, unknown>));
  }
}

export function encodeMessage(name: string, value: Readonly<Record<string, unknown>>): Buffer {
  const parts: Buffer[] = [];
  for (const spec of rows.get(name) ?? []) {
    const [key = '', number = '', written = ''] = spec.split(':');
    const type = written.replace(/[*%^]$/, '');
    const item = written.endsWith('^') ? value : value[key];
    if (item === undefined || item === null) {
      continue;
    }
    if (written.endsWith('%')) {
      for (const [entry, inner] of Object.entries(item)) {
        parts.push(chunk(Number(number), Buffer.concat([field(1, 's', entry), field(2, type, inner)])));
      }
    } else {
      for (const inner of written.endsWith('*') ? (item as readonly unknown[]) : [item]) {
        parts.push(field(Number(number), type, inner));
      }
    }
  }
  return Buffer.concat(parts);
}

const PACKAGES: Readonly<Record<string, string>> = { v1: 'core/v1' };

/** `k8s\0` and the envelope. */
export function protobufOf(apiVersion: string, kind: string, object: object, message?: string): Buffer {
  const body = encodeMessage(message ?? `${PACKAGES[apiVersion] ?? apiVersion}.${kind}`, { ...object });
  const type = Buffer.concat([chunk(1, Buffer.from(apiVersion)), chunk(2, Buffer.from(kind))]);
  return Buffer.concat([
    Buffer.from('k8s\0'),
    chunk(1, type),
    chunk(2, body),
    chunk(3, Buffer.alloc(0)),
    chunk(4, Buffer.alloc(0)),
  ]);
}
