// Function calls: what the called function can do, and the few whose arguments matter.
import { asciiLower } from '../../../lib/text.ts';
import { createStandIn } from '../../sql/outline.ts';
import { classifyFunction, isBuiltInFunction, takesRelation } from './functions.ts';
import { nameOf } from './names.ts';
import { readRelation, relationOfText } from './relations.ts';
import { judgeSetting } from './settings.ts';
import { as, constantOf, list, strings, stringOf, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

/** FuncCall. */
export function callFunction(walk: Walk, node: TreeNode): void {
  walk.fields('FuncCall', node);
  const parts = strings(list(node, 'funcname')) ?? [];
  callNamed(walk, parts);
  const name = nameOf(parts);
  if (name === null || (name.schema !== null && name.schema !== 'pg_catalog')) {
    return;
  }
  const args = list(node, 'args');
  if (name.name === 'set_config') {
    setConfig(walk, args);
  } else if (name.name === 'ts_rewrite' && args.length === 2) {
    dynamicSql(walk, 'ts_rewrite');
  } else if (takesRelation(name.name)) {
    namedRelation(walk, name.name, args[0]);
  }
}

/** A call of a function by name, whatever its syntax. */
export function callNamed(walk: Walk, parts: readonly string[]): void {
  const name = nameOf(parts);
  if (name === null) {
    walk.opaque('unknown_function', 'calls a function by a name of more than three parts');
    return;
  }
  walk.named(parts);
  if (name.schema === null && isBuiltInFunction(name.name)) {
    walk.unit.shadowable.add(name.name);
  }
  const info = classifyFunction(name.schema, name.name, walk.options.trusted);
  const label = asciiLower(name.schema === null ? name.name : `${name.schema}.${name.name}`);
  walk.unit.functionEffects.add(info.class);
  for (const effect of info.effects) {
    walk.unit.effects.add(effect);
  }
  if (info.class === 'safe' || info.class === 'session') {
    return;
  }
  walk.unit.volatileFunctions.add(label);
  if (info.class === 'unknown') {
    walk.unit.opaqueCauses.add('unknown_function');
    walk.note('destructive', 'function_unknown', `calls ${label}, which ${info.why}`);
    walk.changes.push({ kind: 'unknown' });
  } else if (info.class === 'dynamic_sql') {
    dynamicSql(walk, label);
  } else {
    walk.note(info.tier, info.class, `calls ${label}, which ${info.why}`);
  }
}

/** Text that becomes SQL inside the server: what it does is a unit that nobody can see. */
function dynamicSql(walk: Walk, label: string): void {
  walk.unit.functionEffects.add('dynamic_sql');
  walk.unit.volatileFunctions.add(label);
  walk.unit.hidden = true;
  walk.opaque('dynamic_sql', `calls ${label}, which runs a query or reads tables given as text`);
  walk.adopt(createStandIn(walk.unit.context, 'dynamic_sql', 'dynamic'));
  walk.changes.push({ kind: 'unknown' });
}

/** The relation that a regclass argument names. */
function namedRelation(walk: Walk, name: string, argument: unknown): void {
  const cast = as(argument, 'TypeCast');
  const constant = constantOf(cast === null ? argument : cast['arg']);
  const relation = constant?.kind === 'string' ? relationOfText(constant.text) : null;
  if (relation === null) {
    return;
  }
  if (name === 'nextval' || name === 'setval') {
    walk.relation(relation, { write: true });
  } else if (name === 'currval' || name.startsWith('table_to_xml')) {
    readRelation(walk, relation);
  } else {
    walk.relation(relation, {});
  }
}

/** Units that are run by statements which do not show it. (What calls a function is known to run something unknown.) */
const KEPT = new Set<string>(['view', 'rule']);

/** set_config(name, value, is_local) is SET in the form of a function. */
function setConfig(walk: Walk, args: readonly unknown[]): void {
  const [nameArg, valueArg, localArg] = args;
  if (KEPT.has(walk.unit.context) || walk.unit.verb === 'create' || walk.unit.verb === 'alter') {
    walk.unit.refused ??=
      'set_config may not be kept in a view, rule or default: whoever uses it sets parameters unseen';
  }
  const literal = constantOf(stripCast(nameArg));
  const name = literal?.kind === 'string' ? literal.text : isNameColumn(nameArg) ? walk.fixedSetting : null;
  if (name === null || args.length !== 3) {
    walk.unit.settingsKnown = false;
    walk.unit.effects.add('identity');
    walk.note('destructive', 'setting', 'calls set_config with a name that is not in the text');
    walk.changes.push({ kind: 'unknown' });
    return;
  }
  const constant = constantOf(stripCast(valueArg));
  // NULL sets a parameter back to its default.
  const value = constant === null ? null : constant.kind === 'null' ? 'default' : constant.text;
  const local = constantOf(stripCast(localArg));
  applySetting(walk, { name, value, local: local?.text === 'true' });
  if (value === null) {
    walk.unit.settingsKnown = false;
  }
  // Whether it runs (CASE, no rows) and with which scope is only certain for a bare `SELECT set_config(…)`.
  const certain = value !== null && local?.kind === 'bool' && walk.certain;
  const lower = asciiLower(name);
  if (lower === 'role') {
    const role = certain && value !== 'default' && value !== 'none' ? value : null;
    walk.changes.push({ kind: 'set-role', role, local: local?.text === 'true' });
  } else {
    walk.changes.push({
      kind: 'set',
      name: lower,
      value: certain && value !== 'default' ? value : null,
      local: local?.text === 'true',
    });
  }
}

/** Judges a parameter that the unit sets, and records it. */
export function applySetting(
  walk: Walk,
  setting: { readonly name: string; readonly value: string | null; readonly local: boolean },
): void {
  const name = asciiLower(setting.name);
  if (setting.value === null) {
    walk.unit.settingsKnown = false;
  } else {
    walk.unit.settings.set(name, setting.value);
  }
  const judged = judgeSetting(name, setting.value, walk.options.readOnly);
  for (const effect of judged.effects) {
    walk.unit.effects.add(effect);
  }
  walk.unit.refused ??= judged.refused;
  if (judged.tier !== 'safe') {
    walk.note(judged.tier, judged.cause, judged.reason);
  }
  if (name === 'role' || name === 'session_authorization') {
    if (setting.value === null) {
      walk.unit.rolesKnown = false;
    } else if (setting.value !== 'default') {
      walk.unit.roles.add(setting.value);
    }
  }
}

function stripCast(value: unknown): unknown {
  const cast = as(value, 'TypeCast');
  return cast === null ? value : cast['arg'];
}

function isNameColumn(value: unknown): boolean {
  const column = as(value, 'ColumnRef');
  return column !== null && stringOf(list(column, 'fields').at(-1)) === 'name';
}
