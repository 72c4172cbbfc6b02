// Tables of path templates: which call of a provider a method and a path are. A row is `template METHOD=name METHOD=name`; `*` stands for
// one segment, `**` for one or more. Literals go before `*`, and that before `**`.

/** A template that fits. */
export interface TemplateMatch {
  readonly name: string;
  /** Where the values of `*` and `**` stand: from segment, to segment (exclusive). */
  readonly values: readonly (readonly [from: number, to: number])[];
}

export interface Templates {
  /** `verb`: what behind the path itself tells calls apart (a custom method, a parameter of the query); "" without. */
  find(method: string, segments: readonly string[], verb?: string): TemplateMatch | null;
}

interface Node {
  readonly literals: Map<string, Node>;
  star: Node | null;
  rest: Node | null;
  /** By method and verb. */
  readonly names: Map<string, string>;
}

/** Reads a table. `verbAfter`: the character that begins the verb in the last segment of a template. */
export function createTemplates(rows: readonly string[], options: { readonly verbAfter?: ':' | '?' } = {}): Templates {
  const root = createNode();
  for (const row of rows) {
    const [template = '', ...names] = row.split(' ');
    const { verbAfter } = options;
    const at = verbAfter === undefined ? -1 : template.indexOf(verbAfter, template.lastIndexOf('/') + 1);
    const path = at === -1 ? template : template.slice(0, at);
    const verb = at === -1 ? '' : template.slice(at + 1);
    const node = path
      .split('/')
      .filter((segment) => segment !== '')
      .reduce(descend, root);
    for (const named of names) {
      const [method = '', name = ''] = named.split('=');
      node.names.set(`${method}:${verb}`, name);
    }
  }
  return {
    find: (method, segments, verb = '') => findIn(root, { segments, key: `${method}:${verb}` }, 0, []),
  };
}

/** Lines of a table of several, by the word behind `# `; what follows that word is the group's own. */
export function readGroups(
  table: string,
): ReadonlyMap<string, { readonly head: string; readonly rows: readonly string[] }> {
  const groups = new Map<string, { readonly head: string; readonly rows: string[] }>();
  let rows: string[] = [];
  for (const line of table.split('\n')) {
    if (line.startsWith('# ')) {
      const [, name = '', head = ''] = line.split(' ');
      rows = [];
      groups.set(name, { head, rows });
    } else if (line !== '') {
      rows.push(line);
    }
  }
  return groups;
}

function createNode(): Node {
  return { literals: new Map(), star: null, rest: null, names: new Map() };
}

function descend(node: Node, segment: string): Node {
  if (segment === '*') {
    node.star ??= createNode();
    return node.star;
  }
  if (segment === '**') {
    node.rest ??= createNode();
    return node.rest;
  }
  const next = node.literals.get(segment) ?? createNode();
  node.literals.set(segment, next);
  return next;
}

interface Wanted {
  readonly segments: readonly string[];
  readonly key: string;
}

function findIn(node: Node, wanted: Wanted, at: number, values: TemplateMatch['values']): TemplateMatch | null {
  const segment = wanted.segments[at];
  if (segment === undefined) {
    const name = node.names.get(wanted.key);
    return name === undefined ? null : { name, values };
  }
  const literal = node.literals.get(segment);
  const exact = literal === undefined ? null : findIn(literal, wanted, at + 1, values);
  if (exact !== null) {
    return exact;
  }
  const single = node.star === null ? null : findIn(node.star, wanted, at + 1, [...values, [at, at + 1]]);
  if (single !== null || node.rest === null) {
    return single;
  }
  return findRest(node.rest, wanted, at, values);
}

/** The longest rest first: what follows it in a template is short. */
function findRest(node: Node, wanted: Wanted, at: number, values: TemplateMatch['values']): TemplateMatch | null {
  const deepest = node.literals.size === 0 && node.star === null ? wanted.segments.length : at + 1;
  for (let to = wanted.segments.length; to >= deepest; to -= 1) {
    const found = findIn(node, wanted, to, [...values, [at, to]]);
    if (found !== null) {
      return found;
    }
  }
  return null;
}
