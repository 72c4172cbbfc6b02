// Which trace a request says it belongs to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceOf, traceOfSql } from '../../src/lib/trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

test('a traceparent is read as W3C Trace Context says, and a malformed one is none', () => {
  for (const [text, trace] of [
    [PARENT, TRACE],
    [`00-${TRACE}-00f067aa0ba902b7-00`, TRACE],
    [`01-${TRACE}-00f067aa0ba902b7-01-more`, TRACE],
    [`00-${TRACE}-00f067aa0ba902b7-01-more`, ''],
    [`ff-${TRACE}-00f067aa0ba902b7-01`, ''],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, ''],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, ''],
    [PARENT.toUpperCase(), ''],
    [` ${PARENT}`, ''],
    [PARENT.slice(1), ''],
    ['', ''],
  ] as const) {
    assert.equal(traceOf(text), trace, text);
  }
});

test('a statement names its trace in the comment behind it, and nowhere else', () => {
  for (const [text, trace] of [
    [`select 1 /*traceparent='${PARENT}'*/`, TRACE],
    [`select 1 /*controller='a%20b',traceparent='${PARENT}',tracestate='x'*/ ;\n`, TRACE],
    [`select 1 /* x */ /*db='y',traceparent='${PARENT}'*/`, TRACE],
    [`/*traceparent='${PARENT}'*/ select 1`, ''],
    [`select 1 /*traceparent='${PARENT}'*/ /* x */`, ''],
    [`select 'traceparent=''${PARENT}'' */'`, ''],
    [`select 1 /*nottraceparent='${PARENT}'*/`, ''],
    [`select 1 /*traceparent='${PARENT.replace('4', 'g')}'*/`, ''],
    [`select 1 /*traceparent=''*/`, ''],
    ['select 1', ''],
    ['', ''],
  ] as const) {
    assert.equal(traceOfSql(text), trace, text);
  }
});

test('a long and hostile text is looked at in no time', () => {
  const hostile = `${"/*traceparent='".repeat(200_000)}*/`;
  assert.equal(traceOfSql(hostile), '');
  assert.equal(traceOfSql(`select '${'*'.repeat(1_000_000)}*/`), '');
});
