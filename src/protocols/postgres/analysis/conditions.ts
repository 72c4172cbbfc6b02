// What a WHERE clause restricts (fact reference 3.5): its conjuncts as predicates, whether it folds to true, and whether it bounds the rows of
// its target.
import { EFFECTIVE_OPERATORS } from '../../sql/outline.ts';
import { classifyFunction, isBuiltInOperator } from './functions.ts';
import { nameOf } from './names.ts';
import type { Predicate } from '../../sql/outline.ts';
import { as, child, constantOf, isNode, list, num, str, stringOf, strings, unwrap, type TreeNode } from './tree.ts';

/** Finds out about a column reference: whose column it is. */
export interface ColumnOwner {
  /** Leaf name of the relation when certain, else "". */
  readonly table: string;
  /** False when it surely is a column of something else than the rows that the condition is about. */
  readonly possible: boolean;
  /** Surely a column of the target. */
  readonly certain: boolean;
}

export interface ConditionContext {
  readonly owner: (qualifier: string | null) => ColumnOwner;
  /** Text of the expression that follows the operator at this byte offset. */
  textAfter(operatorAt: number): string;
  readonly trusted: ReadonlySet<string>;
}

export interface Condition {
  readonly predicates: readonly Predicate[];
  /** Nothing but the listed conjuncts. */
  readonly complete: boolean;
  /** At least one conjunct is effective. */
  readonly effective: boolean;
  /** It folds to true. */
  readonly always: boolean;
  /** The answer above hung on the value of a number in the text. */
  readonly literalSensitive: boolean;
}

const FLIPPED: ReadonlyMap<string, string> = new Map([
  ['=', '='],
  ['<>', '<>'],
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
]);
const PATTERNS: ReadonlyMap<string, string> = new Map([
  ['~~', 'like'],
  ['!~~', 'not like'],
  ['~~*', 'ilike'],
  ['~', '~'],
]);

/** One conjunct before it becomes a record: its effectiveness needs to be known too. */
interface Finding {
  readonly predicate: Predicate;
  readonly effective: boolean;
}

type Operand = Pick<Predicate, 'kind' | 'value' | 'values' | 'numeric' | 'temporal' | 'param' | 'offsets'> & {
  /** A constant, a parameter, or an expression that has one value for the whole statement. */
  readonly fixed: boolean;
};

export function readCondition(where: unknown, context: ConditionContext): Condition {
  const folding = new Folding();
  const always = folding.fold(where) === true;
  const predicates: Predicate[] = [];
  let complete = true;
  let effective = false;
  for (const conjunct of conjuncts(where)) {
    const findings = readConjunct(conjunct, context);
    complete &&= findings.length > 0;
    for (const finding of findings) {
      predicates.push(finding.predicate);
      effective ||= finding.effective;
    }
  }
  return { predicates, complete, effective, always, literalSensitive: folding.literalSensitive };
}

/** Arguments of top-level ANDs. */
function conjuncts(node: unknown): readonly unknown[] {
  const bool = as(node, 'BoolExpr');
  return bool !== null && str(bool, 'boolop') === 'AND_EXPR' ? list(bool, 'args').flatMap(conjuncts) : [node];
}

function readConjunct(node: unknown, context: ConditionContext): readonly Finding[] {
  const wrapped = unwrap(node);
  if (wrapped === null) {
    return [];
  }
  switch (wrapped.type) {
    case 'A_Expr':
      return readOperator(wrapped.node, context);
    case 'NullTest':
      return readNullTest(wrapped.node, context);
    case 'SubLink':
      return readSubLink(wrapped.node, context);
    case 'BoolExpr':
      return str(wrapped.node, 'boolop') === 'OR_EXPR' ? readAlternatives(wrapped.node, context) : [];
    default:
      return [];
  }
}

interface Column {
  readonly name: string;
  readonly owner: ColumnOwner;
}

/** A plain column reference to the rows that the condition is about, or null. */
function readColumn(node: unknown, context: ConditionContext): Column | null {
  const reference = as(node, 'ColumnRef');
  if (reference === null) {
    return null;
  }
  const parts = strings(list(reference, 'fields'));
  const name = parts?.at(-1);
  if (parts === null || name === undefined) {
    return null;
  }
  const owner = context.owner(parts.at(-2) ?? null);
  return owner.possible ? { name, owner } : null;
}

const NO_OPERAND = { value: '', values: [], numeric: false, temporal: false, param: 0, offsets: [] };

function readOperand(node: unknown, context: ConditionContext, at: number): Operand {
  const cast = as(node, 'TypeCast');
  const constant = constantOf(cast === null ? node : cast['arg']);
  if (constant !== null && constant.kind !== 'null') {
    const type = cast === null ? null : (strings(list(child(cast, 'typeName') ?? {}, 'names'))?.at(-1) ?? '');
    const number = constant.kind === 'int' || constant.kind === 'float';
    return {
      ...NO_OPERAND,
      kind: 'literal',
      value: constant.text,
      numeric: number && (type === null || (constant.kind === 'int' && /^(int[248]|numeric|float8)$/.test(type))),
      temporal:
        type === null ||
        type === 'timestamp' ||
        type === 'timestamptz' ||
        (type === 'date' && constant.text.length === 10),
      offsets: number ? [constant.at] : [],
      fixed: true,
    };
  }
  const parameter = as(cast === null ? node : cast['arg'], 'ParamRef');
  if (parameter !== null && cast === null) {
    return {
      ...NO_OPERAND,
      kind: 'param',
      param: num(parameter, 'number'),
      temporal: true,
      numeric: true,
      fixed: true,
    };
  }
  if (as(node, 'SubLink') !== null) {
    return { ...NO_OPERAND, kind: 'subquery', fixed: false };
  }
  if (as(node, 'ColumnRef') !== null) {
    return { ...NO_OPERAND, kind: 'column', fixed: false };
  }
  const fixed = isStable(node, context.trusted);
  return { ...NO_OPERAND, kind: 'expr', value: fixed ? context.textAfter(at) : '', fixed };
}

function record(column: Column, op: string, operand: Operand): Finding {
  const { fixed, ...rest } = operand;
  const startsOpen = op === 'like' && (rest.kind !== 'literal' || /^[%_\\]|^$/.test(rest.value));
  const strong = EFFECTIVE_OPERATORS.has(op) || (op === 'like' && !startsOpen);
  return {
    predicate: { table: column.owner.table, column: column.name, op, ...rest },
    effective: strong && fixed && column.owner.certain,
  };
}

/** The operator's plain name, or null when another schema's operator is meant. */
function plainOperator(node: TreeNode): string | null {
  const name = nameOf(strings(list(node, 'name')) ?? []);
  return name === null || (name.schema !== null && name.schema !== 'pg_catalog') ? null : name.name;
}

function readOperator(node: TreeNode, context: ConditionContext): readonly Finding[] {
  const column = readColumn(node['lexpr'], context);
  const name = plainOperator(node);
  const at = num(node, 'location');
  switch (str(node, 'kind')) {
    case 'AEXPR_OP':
      return readComparison(node, context, name);
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return column === null
        ? []
        : [record(column, PATTERNS.get(name ?? '') ?? 'other', readOperand(node['rexpr'], context, at))];
    case 'AEXPR_IN':
      return column === null ? [] : [record(column, name === '=' ? 'in' : 'not in', readList(node, context))];
    case 'AEXPR_OP_ANY':
      return column === null
        ? []
        : [record(column, name === '=' ? 'any' : 'other', readOperand(node['rexpr'], context, at))];
    case 'AEXPR_BETWEEN': {
      const [low, high] = list(as(node['rexpr'], 'List') ?? {}, 'items');
      return column === null
        ? []
        : [
            record(column, '>=', { ...readOperand(low, context, -1) }),
            record(column, '<=', { ...readOperand(high, context, -1) }),
          ];
    }
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT':
    case 'AEXPR_OP_ALL':
    case 'AEXPR_SIMILAR':
    case 'AEXPR_NOT_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
    case 'AEXPR_NOT_BETWEEN_SYM':
      return column === null ? [] : [record(column, 'other', { ...NO_OPERAND, kind: 'expr', fixed: false })];
    default:
      return [];
  }
}

function readComparison(node: TreeNode, context: ConditionContext, name: string | null): readonly Finding[] {
  const left = readColumn(node['lexpr'], context);
  const right = readColumn(node['rexpr'], context);
  const at = num(node, 'location');
  if (left !== null) {
    const op = name === null ? 'other' : FLIPPED.has(name) ? name : (PATTERNS.get(name) ?? 'other');
    return [record(left, op, readOperand(node['rexpr'], context, at))];
  }
  if (right !== null) {
    // Constant on the left: turned round. An expression there has no text of its own after the operator.
    const op = name === null ? 'other' : (FLIPPED.get(name) ?? 'other');
    const operand = readOperand(node['lexpr'], context, -1);
    return [record(right, op, operand)];
  }
  return [];
}

/** A literal IN list: `values` hold the literals; anything else in it makes it an expression. */
function readList(node: TreeNode, context: ConditionContext): Operand {
  const operands = list(as(node['rexpr'], 'List') ?? {}, 'items').map((item) => readOperand(item, context, -1));
  return joinOperands(operands);
}

function joinOperands(operands: readonly Operand[]): Operand {
  const fixed = operands.every((operand) => operand.fixed);
  if (operands.some((operand) => operand.kind !== 'literal')) {
    return { ...NO_OPERAND, kind: operands.some((one) => one.kind === 'subquery') ? 'subquery' : 'expr', fixed };
  }
  const values = operands.map((operand) => operand.value);
  return {
    ...NO_OPERAND,
    kind: 'list',
    value: values.join(','),
    values,
    offsets: operands.flatMap((operand) => operand.offsets),
    fixed,
  };
}

/** An OR whose branches are all equality of one column with a constant is an IN. */
function readAlternatives(node: TreeNode, context: ConditionContext): readonly Finding[] {
  const operands: Operand[] = [];
  let column: Column | null = null;
  for (const branch of list(node, 'args')) {
    const expression = as(branch, 'A_Expr');
    if (expression === null || str(expression, 'kind') !== 'AEXPR_OP' || plainOperator(expression) !== '=') {
      return [];
    }
    const found = readColumn(expression['lexpr'], context);
    const operand = readOperand(expression['rexpr'], context, -1);
    const same = column === null || (found?.name === column.name && found.owner.table === column.owner.table);
    if (found === null || operand.kind !== 'literal' || !same) {
      return [];
    }
    column = found;
    operands.push(operand);
  }
  return column === null ? [] : [record(column, 'in', joinOperands(operands))];
}

function readNullTest(node: TreeNode, context: ConditionContext): readonly Finding[] {
  const column = readColumn(node['arg'], context);
  const op = str(node, 'nulltesttype') === 'IS_NULL' ? 'is null' : 'is not null';
  return column === null ? [] : [record(column, op, { ...NO_OPERAND, kind: 'literal', fixed: true })];
}

/** `column IN (SELECT …)` and `column op ANY (SELECT …)`. */
function readSubLink(node: TreeNode, context: ConditionContext): readonly Finding[] {
  const column = readColumn(node['testexpr'], context);
  if (column === null || str(node, 'subLinkType') !== 'ANY_SUBLINK') {
    return [];
  }
  const op = list(node, 'operName').length === 0 ? 'in' : 'other';
  return [record(column, op, { ...NO_OPERAND, kind: 'subquery', fixed: false })];
}

/** One value for the whole statement: no columns, no sub-selects, only stable built-in functions and operators. */
function isStable(value: unknown, trusted: ReadonlySet<string>): boolean {
  if (Array.isArray(value)) {
    return value.every((entry) => isStable(entry, trusted));
  }
  if (!isNode(value)) {
    return true;
  }
  for (const key in value) {
    const inner = value[key];
    if (key === 'ColumnRef' || key === 'SubLink' || key === 'CurrentOfExpr' || key === 'SetToDefault') {
      return false;
    }
    if (key === 'FuncCall' && isNode(inner)) {
      const name = nameOf(strings(list(inner, 'funcname')) ?? []);
      if (name === null || !classifyFunction(name.schema, name.name, trusted).stable) {
        return false;
      }
    }
    if (key === 'A_Expr' && isNode(inner)) {
      const name = nameOf(strings(list(inner, 'name')) ?? []);
      const wordy = str(inner, 'kind').includes('BETWEEN');
      if (!wordy && (name === null || name.schema !== null || !isBuiltInOperator(name.name))) {
        return false;
      }
    }
    if (!isStable(inner, trusted)) {
      return false;
    }
  }
  return true;
}

/** Whether anything in it looks at rows. */
function looksAtRows(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.some(looksAtRows);
  }
  if (!isNode(value)) {
    return false;
  }
  for (const key in value) {
    if (key === 'ColumnRef' || key === 'SubLink' || key === 'CurrentOfExpr' || looksAtRows(value[key])) {
      return true;
    }
  }
  return false;
}

/** Folds conditions to a constant where that is plain; null where it is not. */
class Folding {
  literalSensitive = false;

  fold(node: unknown): boolean | null {
    const wrapped = unwrap(node);
    const constant = constantOf(node);
    if (constant !== null) {
      return constant.kind === 'null' ? false : !/^(f|n|0$|of)/i.test(constant.text) || constant.kind === 'int';
    }
    if (wrapped === null) {
      return null;
    }
    switch (wrapped.type) {
      case 'BoolExpr':
        return this.#foldBool(wrapped.node);
      case 'TypeCast':
        return looksAtRows(node) ? null : this.fold(wrapped.node['arg']);
      case 'BooleanTest':
        return looksAtRows(node) ? null : true;
      case 'A_Expr':
        return this.#foldOperator(wrapped.node);
      default:
        // Without a column no row is told from another. Counted as true, whatever it would give.
        return looksAtRows(node) ? null : true;
    }
  }

  #foldBool(node: TreeNode): boolean | null {
    const args = list(node, 'args');
    const values = args.map((arg) => this.fold(arg));
    switch (str(node, 'boolop')) {
      case 'NOT_EXPR': {
        const value = values[0] ?? null;
        return value === null ? null : !value;
      }
      case 'AND_EXPR':
        return values.includes(false) ? false : values.every((value) => value === true) ? true : null;
      default:
        if (values.includes(true) || this.#coversAll(args)) {
          return true;
        }
        return values.every((value) => value === false) ? false : null;
    }
  }

  /** `x IS NULL OR x IS NOT NULL`, `c OR NOT c`: by keys and not pair by pair, since an OR may have thousands of branches. */
  #coversAll(args: readonly unknown[]): boolean {
    const tested = new Map<string, string>();
    const negated = new Set<string>();
    for (const arg of args) {
      const test = as(arg, 'NullTest');
      const bool = as(arg, 'BoolExpr');
      if (test !== null) {
        const key = this.#keyOf(test['arg']);
        const kind = str(test, 'nulltesttype');
        if ((tested.get(key) ?? kind) !== kind) {
          return true;
        }
        tested.set(key, kind);
      } else if (bool !== null && str(bool, 'boolop') === 'NOT_EXPR') {
        negated.add(this.#keyOf(list(bool, 'args')[0]));
      }
    }
    return negated.size > 0 && args.some((arg) => negated.has(this.#keyOf(arg)));
  }

  /** Equal for equal trees, wherever they stand in the text. */
  #keyOf(tree: unknown): string {
    return JSON.stringify(tree, (key, value: unknown) => {
      if (key === 'A_Const') {
        this.literalSensitive = true;
      }
      return key === 'location' ? undefined : value;
    });
  }

  #foldOperator(node: TreeNode): boolean | null {
    const rows = looksAtRows(node['lexpr']) || looksAtRows(node['rexpr']);
    if (!rows) {
      return true;
    }
    const reflexive =
      str(node, 'kind') === 'AEXPR_NOT_DISTINCT' || ['=', '<=', '>='].includes(plainOperator(node) ?? '');
    const simple = str(node, 'kind') === 'AEXPR_OP' || str(node, 'kind') === 'AEXPR_NOT_DISTINCT';
    return simple && reflexive && this.#equal(node['lexpr'], node['rexpr']) ? true : null;
  }

  /** Equal trees, wherever they stand in the text. */
  #equal(a: unknown, b: unknown): boolean {
    if (Array.isArray(a) && Array.isArray(b)) {
      return a.length === b.length && a.every((entry, index) => this.#equal(entry, b[index]));
    }
    if (!isNode(a) || !isNode(b)) {
      return a === b;
    }
    const [left, right] = [constantOf({ A_Const: a['A_Const'] }), constantOf({ A_Const: b['A_Const'] })];
    if (left !== null && right !== null) {
      this.literalSensitive = true;
      return left.kind === right.kind && left.text === right.text;
    }
    const keys = Object.keys(a).filter((key) => key !== 'location');
    return (
      keys.length === Object.keys(b).filter((key) => key !== 'location').length &&
      keys.every((key) => this.#equal(a[key], b[key]))
    );
  }
}

/** An equality between a column of the target and anything that is not such a column: what a MERGE joins on. */
export function joinsOnTarget(condition: unknown, owner: ConditionContext['owner']): boolean {
  return conjuncts(condition).some((conjunct) => {
    const expression = as(conjunct, 'A_Expr');
    if (expression === null || str(expression, 'kind') !== 'AEXPR_OP' || plainOperator(expression) !== '=') {
      return false;
    }
    const sides = [expression['lexpr'], expression['rexpr']].map((side) => {
      const reference = as(side, 'ColumnRef');
      const qualifier = reference === null ? null : stringOf(list(reference, 'fields').at(-2));
      return reference !== null && owner(qualifier).certain;
    });
    return sides[0] !== sides[1];
  });
}
