// Which values of a fact a condition names: what a rule must say of a verb that is refused where no rule speaks of it.
import { walk } from './cel-tree.ts';
import type { Expr } from './cel-tree.ts';

/** Texts that facts are compared with for being equal (`x == 'a'`, `x in ['a', 'b']`, `'a' in x`), by name of the fact. */
export function namedValues(condition: Expr): ReadonlyMap<string, ReadonlySet<string>> {
  const named = new Map<string, Set<string>>();
  walk(condition, (node) => {
    if (node.kind !== 'call' || (node.function !== '_==_' && node.function !== '@in')) {
      return;
    }
    for (const fact of node.args) {
      if (fact.kind === 'fact') {
        const values = named.get(fact.name) ?? new Set();
        named.set(fact.name, values);
        node.args.flatMap(textsOf).forEach((text) => values.add(text));
      }
    }
  });
  return named;
}

function textsOf(expr: Expr): readonly string[] {
  if (expr.kind === 'list') {
    return expr.items.flatMap(textsOf);
  }
  return expr.kind === 'const' && typeof expr.value === 'string' ? [expr.value] : [];
}
