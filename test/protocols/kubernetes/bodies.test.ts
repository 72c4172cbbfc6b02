// Bodies as objects: YAML that two readers take differently, and protobuf as clients write it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtobuf } from '../../../src/protocols/kubernetes/proto.ts';
import { parseYaml } from '../../../src/protocols/kubernetes/yaml.ts';
import { Unknown } from '../../../src/rules/action.ts';
import { chunk, encodeMessage, protobufOf } from '../../support/kubernetes-proto.ts';

const shown = (value: unknown): unknown => (value instanceof Unknown ? value.cause : value);

test('YAML is read when both versions of it agree on plain data', () => {
  for (const [text, want] of [
    ['a: 1\nb: [x, "y"]\n', { a: 1, b: ['x', 'y'] }],
    ['{"a": {"b": null}}', { a: { b: null } }],
    ['a: true\n', { a: true }],
    ['a: "yes"\n', { a: 'yes' }],
    ['a: |\n  two\n  lines\n', { a: 'two\nlines\n' }],
    ['a: yes\n', 'ambiguous'],
    ['a: on\n', 'ambiguous'],
    ['a: 010\n', 'ambiguous'],
    ['a: 1:30\n', 'ambiguous'],
    ['a: 2001-12-14\n', 'ambiguous'],
    ['a: 99999999999999999999\n', 'ambiguous'],
    ['a: .inf\n', 'ambiguous'],
    ['a: &x 1\nb: *x\n', 'undecodable'],
    ['a: !!str 1\n', 'undecodable'],
    ['a: !x 1\n', 'unparseable'],
    ['<<: {a: 1}\n', 'undecodable'],
    ['1: x\n', 'undecodable'],
    ['? [a]\n: x\n', 'undecodable'],
    ['a: 1\na: 2\n', 'undecodable'],
    ['a: {b: 1, "b": 2}\n', 'undecodable'],
    [`a: ${'x'.repeat(65_536)}`, 'too_large'],
    ['a: 1\n---\nb: 2\n', 'unparseable'],
    ['a: [\n', 'unparseable'],
    ['', 'unparseable'],
    [`${'['.repeat(200)}${']'.repeat(200)}`, 'ambiguous'],
  ] as const) {
    assert.deepEqual(shown(parseYaml(text)), want, text.slice(0, 40));
  }
});

test('KU-04: protobuf of built-in kinds is the object that JSON would say', () => {
  const pod = {
    metadata: { name: 'p', labels: { a: 'b', c: '' }, creationTimestamp: null },
    spec: {
      volumes: [{ name: 'v', hostPath: { path: '/etc' } }],
      containers: [
        { name: 'c', image: 'i', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
      ],
      hostNetwork: true,
      terminationGracePeriodSeconds: 30,
    },
  };
  const { metadata, spec } = pod;
  assert.deepEqual(shown(parseProtobuf(protobufOf('v1', 'Pod', pod))), {
    metadata: { name: 'p', labels: { a: 'b', c: '' } },
    spec,
    apiVersion: 'v1',
    kind: 'Pod',
  });
  assert.equal(metadata.name, 'p');
  const options = protobufOf('policy/v1', 'DeleteOptions', { dryRun: ['All'] }, 'meta/v1.DeleteOptions');
  assert.deepEqual(shown(parseProtobuf(options)), { dryRun: ['All'], apiVersion: 'policy/v1', kind: 'DeleteOptions' });
  const time = chunk(1, encodeMessage('meta/v1.ObjectMeta', { creationTimestamp: { seconds: 1_795_316_645 } }));
  const review = Buffer.concat([
    Buffer.from('k8s\0'),
    chunk(1, Buffer.concat([chunk(1, Buffer.from('v1')), chunk(2, Buffer.from('Node'))])),
    chunk(2, time),
  ]);
  assert.deepEqual(shown(parseProtobuf(review)), {
    metadata: { creationTimestamp: '2026-11-22T03:04:05Z' },
    apiVersion: 'v1',
    kind: 'Node',
  });
});

test('KU-04: protobuf that is not wholly understood is unknown', () => {
  const envelope = (kind: string, raw: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from('k8s\0'),
      chunk(1, Buffer.concat([chunk(1, Buffer.from('v1')), chunk(2, Buffer.from(kind))])),
      chunk(2, raw),
    ]);
  const metadata = chunk(1, chunk(1, Buffer.from('p')));
  const cases: readonly (readonly [string, Buffer])[] = [
    ['no magic', Buffer.from('xxxx')],
    ['an unknown kind', envelope('Widget', metadata)],
    ['a field that the table does not know', envelope('Pod', chunk(99, Buffer.from('x')))],
    ['a message that comes twice', envelope('Pod', Buffer.concat([metadata, metadata]))],
    ['another wire type', envelope('Pod', Buffer.from([8, 1]))],
    ['a length past the end', envelope('Pod', Buffer.from([10, 200, 1, 1]))],
    ['a varint without an end', envelope('Pod', Buffer.alloc(12, 0xff))],
    ['text that is not UTF-8', envelope('Pod', chunk(1, chunk(1, Buffer.from([0xff]))))],
  ];
  for (const [name, bytes] of cases) {
    assert.ok(parseProtobuf(bytes) instanceof Unknown, name);
  }
  assert.ok(!(parseProtobuf(envelope('Pod', metadata)) instanceof Unknown));
});

test('a number of which the server would keep only the low 32 bits is unknown', () => {
  const scale = (replicas: number): unknown => {
    const read = parseProtobuf(protobufOf('apps/v1', 'Deployment', { spec: { replicas } }));
    return read instanceof Unknown ? read.cause : read['spec'];
  };
  for (const replicas of [2 ** 32, 2 ** 32 + 1, 2 ** 31, -(2 ** 31) - 1]) {
    assert.equal(scale(replicas), 'undecodable', String(replicas));
  }
  for (const replicas of [0, 3, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    assert.deepEqual(scale(replicas), { replicas }, String(replicas));
  }
});

test('no cut of a body throws', () => {
  const bytes = protobufOf('v1', 'Pod', { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  for (let size = 0; size < bytes.length; size += 1) {
    parseProtobuf(bytes.subarray(0, size));
  }
});
