// CEL's own conformance suite, as far as conditions have what it asks for: no messages, no optional syntax, no math extension.
// It is with the slow tests because reading the suite alone takes seconds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import type { IncrementalTest, IncrementalTestSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import { compileExpr } from '../../src/rules/cel-eval.ts';
import { parseCondition } from '../../src/rules/cel-parse.ts';
import { Uint } from '../../src/rules/cel-tree.ts';
import { TypeName, equals, isFailed, typeNameOf } from '../../src/rules/cel-values.ts';
import type { Key, Result, Value } from '../../src/rules/cel-values.ts';
import { checkCondition } from '../../src/rules/check.ts';
import { Frame } from '../../src/rules/frame.ts';
import { factSchemas } from '../../src/rules/schemas.ts';

type Expected = Extract<IncrementalTest['original']['resultMatcher'], { case: 'value' }>['value'];

const SKIP = Symbol('uses what conditions do not have');

function valueOf({ kind }: Expected): Value | typeof SKIP {
  switch (kind.case) {
    case 'int64Value':
    case 'doubleValue':
    case 'stringValue':
    case 'boolValue':
    case 'bytesValue':
      return kind.value;
    case 'uint64Value':
      return new Uint(kind.value);
    case 'nullValue':
      return null;
    case 'typeValue':
      return new TypeName(kind.value);
    case 'listValue': {
      const items = kind.value.values.map(valueOf);
      return items.includes(SKIP) ? SKIP : (items as Value[]);
    }
    case 'mapValue': {
      const entries = kind.value.entries.map(({ key, value }) =>
        [key, value].map((part) => (part === undefined ? SKIP : valueOf(part))),
      );
      const keyed = entries.map(([key, value]) => [key instanceof Uint ? key.value : key, value] as [Key, Value]);
      return entries.flat().includes(SKIP) ? SKIP : new Map(keyed);
    }
    case 'enumValue':
    case 'objectValue':
    case undefined:
      return SKIP;
  }
}

const frame = new Frame({ family: 'sql', facts: new Map() }, 'UTC');
const MISSING = /there is no (?:fact|function|method)|there are no messages|^found |is a macro|written list/;

/** The value of an expression, the text of its error, or SKIP. */
function evaluate({ original }: IncrementalTest): Result | string | typeof SKIP {
  const parsed = parseCondition(original.expr);
  if (parsed.kind === 'failed') {
    return MISSING.test(parsed.message) ? SKIP : parsed.message;
  }
  const whole = { kind: 'call', function: 'dyn', args: [parsed.expr], method: false, at: 0 } as const;
  const { expr, issues } = checkCondition(whole, 'sql', factSchemas);
  const error = issues.find(({ severity }) => severity === 'error');
  if (error !== undefined) {
    return MISSING.test(error.message) ? SKIP : error.message;
  }
  frame.begin();
  const result = compileExpr(expr, frame)(frame);
  return isFailed(result) && 'detail' in result ? result.detail : result;
}

/** True = as the suite wants it, false = not, SKIP = not ours. */
function judge(row: IncrementalTest): boolean | typeof SKIP {
  const { bindings, typeEnv, container, checkOnly, resultMatcher } = row.original;
  if (checkOnly || container !== '' || typeEnv.length > 0 || Object.keys(bindings).length > 0) {
    return SKIP;
  }
  const got = evaluate(row);
  if (got === SKIP) {
    return SKIP;
  }
  if (resultMatcher.case === 'evalError' || resultMatcher.case === 'anyEvalErrors') {
    return typeof got === 'string';
  }
  const wanted =
    resultMatcher.case === 'value' ? valueOf(resultMatcher.value) : resultMatcher.case === undefined ? true : SKIP;
  if (wanted === SKIP) {
    return SKIP;
  }
  // Ours refuses at load what these rows want evaluated unchecked.
  if (row.original.disableCheck && typeof got === 'string') {
    return SKIP;
  }
  const same = equals(got as Value, wanted) === true || (Number.isNaN(got) && Number.isNaN(wanted));
  return same && typeNameOf(got as Value) === typeNameOf(wanted);
}

function rowsOf(suite: IncrementalTestSuite): readonly IncrementalTest[] {
  return [...suite.tests, ...suite.suites.flatMap(rowsOf)];
}

test('every row of the suite that conditions can express has the suite’s answer', () => {
  const judged = rowsOf(getConformanceSuite()).map((row) => ({ row, answer: judge(row) }));
  const wrong = judged.filter(({ answer }) => answer === false).map(({ row }) => row.original.expr);
  assert.deepEqual(wrong, []);
  const right = judged.filter(({ answer }) => answer === true).length;
  assert.ok(right > 1000, `${right} rows`);
});
