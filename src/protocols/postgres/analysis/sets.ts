// SET and RESET in all their forms.
import { asciiLower } from '../../../lib/text.ts';
import type { OutlineChange } from '../../sql/outline.ts';
import { applySetting } from './calls.ts';
import { cutName, quoteName } from './names.ts';
import { as, constantOf, flag, list, str, type TreeNode } from './tree.ts';
import type { Walk } from './walk.ts';

/** Parameters whose value is a list of names: each is quoted before they are joined, as the server does. */
const NAME_LISTS = new Set([
  'search_path',
  'temp_tablespaces',
  'local_preload_libraries',
  'session_preload_libraries',
  'shared_preload_libraries',
  'debug_io_direct',
  'restrict_nonsystem_relation_kind',
]);

/** The text that the server makes of SET's arguments, or null when one is not a literal. */
function settingValue(name: string, args: readonly unknown[]): string | null {
  const texts: string[] = [];
  for (const arg of args) {
    const cast = as(arg, 'TypeCast');
    const constant = constantOf(cast === null ? arg : cast['arg']);
    if (constant === null || constant.kind === 'null') {
      return null;
    }
    const quoted = constant.kind === 'string' && NAME_LISTS.has(name);
    texts.push(quoted ? quoteName(constant.text) : constant.text);
  }
  return texts.join(', ');
}

/** A SET or RESET statement of the session. */
export function variableSet(walk: Walk, node: TreeNode): void {
  walk.fields('VariableSetStmt', node);
  const name = asciiLower(str(node, 'name'));
  const kind = str(node, 'kind');
  const local = flag(node, 'is_local');
  walk.unit.verbs.add('set');
  if (kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL') {
    walk.unit.verbs.add('reset');
  }
  if (name === 'role' || name === 'session_authorization') {
    walk.unit.verb = `set ${local ? 'local ' : ''}${name.replace('_', ' ')}`;
    walk.unit.verbs.add(walk.unit.verb);
  }
  if (kind === 'VAR_RESET_ALL') {
    walk.unit.settings.set('*', 'default');
    walk.unit.resetsRole = true;
    walk.changes.push({ kind: 'reset-all' });
    return;
  }
  if (kind === 'VAR_SET_MULTI') {
    setTransaction(walk, node);
    return;
  }
  const value = kind === 'VAR_SET_VALUE' ? settingValue(name, list(node, 'args')) : 'default';
  if (name === 'session_authorization' && value === 'default') {
    // Back to the login role: only a change of identity when the gateway had set a role.
    walk.unit.settings.set(name, value);
    walk.unit.resetsRole = true;
  } else {
    applySetting(walk, { name, value, local });
  }
  walk.changes.push(settingChange(name, value, local));
}

/** SET TRANSACTION, SET SESSION CHARACTERISTICS, SET TRANSACTION SNAPSHOT. */
function setTransaction(walk: Walk, node: TreeNode): void {
  const session = str(node, 'name') === 'SESSION CHARACTERISTICS';
  for (const arg of list(node, 'args')) {
    const element = as(arg, 'DefElem');
    if (element === null) {
      const snapshot = constantOf(arg);
      applySetting(walk, { name: 'transaction_snapshot', value: snapshot?.text ?? null, local: true });
    } else {
      const option = str(element, 'defname');
      const name = session ? option.replace(/^transaction_/, 'default_transaction_') : option;
      applySetting(walk, { name, value: optionValue(element), local: !session });
    }
  }
}

/** READ WRITE and NOT DEFERRABLE are integers here. */
function optionValue(element: TreeNode): string | null {
  const constant = constantOf(element['arg']);
  return constant?.kind === 'int' ? (constant.text === '0' ? 'off' : 'on') : (constant?.text ?? null);
}

/** Options of BEGIN: only READ WRITE on a read-only endpoint matters. */
export function transactionOptions(walk: Walk, options: readonly unknown[]): void {
  for (const option of options) {
    const element = as(option, 'DefElem');
    if (element !== null && str(element, 'defname') === 'transaction_read_only' && optionValue(element) !== 'on') {
      if (walk.options.readOnly) {
        walk.unit.refused ??= 'this endpoint is read-only: read-write transactions are refused';
      }
    }
  }
}

/** A setting that is stored for later: ALTER ROLE … SET, ALTER SYSTEM, CREATE FUNCTION … SET. */
export function storedSetting(walk: Walk, node: TreeNode): void {
  walk.fields('VariableSetStmt', node);
  const name = asciiLower(str(node, 'name'));
  switch (str(node, 'kind')) {
    case 'VAR_RESET_ALL':
      walk.unit.settings.set('*', 'default');
      return;
    case 'VAR_SET_MULTI':
      setTransaction(walk, node);
      return;
    case 'VAR_SET_CURRENT':
      walk.unit.settingsKnown = false;
      return;
    case 'VAR_SET_VALUE':
      applySetting(walk, { name, value: settingValue(name, list(node, 'args')), local: false });
      return;
    default:
      applySetting(walk, { name, value: 'default', local: false });
  }
}

/** What the tracker has to know once the server has confirmed the setting. */
function settingChange(name: string, value: string | null, local: boolean): OutlineChange {
  if (name === 'role' || name === 'session_authorization') {
    const isReset = value === 'default' || (name === 'role' && value !== null && asciiLower(value) === 'none');
    if (isReset && !local) {
      return { kind: 'reset', name };
    }
    const role = isReset || value === null ? null : cutName(value);
    return name === 'role' ? { kind: 'set-role', role, local } : { kind: 'set', name, value: role, local };
  }
  if (value === 'default') {
    return local ? { kind: 'set', name, value: null, local } : { kind: 'reset', name };
  }
  return { kind: 'set', name, value, local };
}
