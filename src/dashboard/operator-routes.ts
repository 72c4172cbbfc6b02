// The calls that manage operators. What is kept of passwords and tokens never comes out again.
import type { Answer, Call, Route } from './call.ts';
import type { OperatorJson, TokenJson } from '../client/control-shapes.ts';
import { MAX_NOTE_CHARS } from '../approvals/stages.ts';
import { parseDurationMs } from '../lib/units.ts';
import { ApiError, getText, readBody, readFields, readWord } from './input.ts';
import { findNameFault, type Operator } from './operators.ts';
import { createPasswords, findPasswordFault } from './password.ts';
import { ROLES } from './roles.ts';
import { timeText } from './shapes.ts';
import { noOperator, noProfile } from './unknown-names.ts';

const passwords = createPasswords();
/** A token that is forgotten ends by itself. */
const MAX_TOKEN_MS = 366 * 86_400_000;

function operatorJson(
  { name, role, email, slack, profiles, createdMs, password, tokens }: Operator,
  nowMs: number,
): OperatorJson {
  return {
    name,
    role,
    email,
    slack,
    profiles,
    created: timeText(createdMs),
    has_password: password !== null,
    tokens: tokens.filter((token) => nowMs < token.expiresMs).length,
  };
}

async function listOperators({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  const nowMs = parts.clock.now();
  return { kind: 'json', body: { items: parts.operators.list().map((one) => operatorJson(one, nowMs)), next: null } };
}

async function addOperator({ parts, body }: Call): Promise<Answer> {
  const fields = readBody(body, ['name', 'role', 'email', 'slack', 'profiles', 'password']);
  const name = getText(fields, 'name');
  const role = readWord(fields, 'role', ROLES) ?? 'approver';
  const [email = '', slack = ''] = ['email', 'slack'].map((key) => fields.get(key) ?? '');
  const password = fields.get('password') ?? null;
  const fault = findNameFault(name) ?? (password === null ? null : findPasswordFault(password));
  if (fault !== null) {
    throw new ApiError(400, 'bad_request', fault);
  }
  if (![email, slack].every((text) => /^[\x21-\x7e]*$/.test(text) && text.length <= MAX_NOTE_CHARS / 10)) {
    throw new ApiError(400, 'bad_request', 'e-mail address and Slack id are short and have no spaces');
  }
  const profiles = readProfiles(fields.get('profiles') ?? '', parts);
  const hash = password === null ? null : await passwords.hash(password);
  if (!parts.operators.add({ name, role, email, slack, profiles, password: hash })) {
    throw new ApiError(409, 'refused', `there is an operator ${name} already (names differ in more than case)`);
  }
  return answerOf(parts, name);
}

/** A JSON list of names; "" = null, everything. */
function readProfiles(text: string, parts: Call['parts']): readonly string[] | null {
  if (text === '') {
    return null;
  }
  const config = parts.config();
  const names = [...new Set(readNames(text))];
  const unknown = names.find((name) => !config.profiles.some((profile) => profile.name === name));
  if (unknown !== undefined) {
    throw noProfile(unknown, config, 400);
  }
  return names;
}

function readNames(text: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.length > 0 && names.every((name): name is string => typeof name === 'string')) {
      return names;
    }
  } catch {
    // Told below.
  }
  throw new ApiError(400, 'bad_request', 'profiles is a JSON list of one name or more, such as ["payments"]');
}

async function setScope({ parts, params, body, operator }: Call): Promise<Answer> {
  const name = getText(params, 'name');
  const fields = readBody(body, ['profiles', 'all']);
  const all = readWord(fields, 'all', ['true', 'false']) === 'true';
  const text = fields.get('profiles') ?? '';
  if (all === (text !== '')) {
    throw new ApiError(400, 'bad_request', 'give either profiles, or all=true');
  }
  if (name === operator.name) {
    throw new ApiError(409, 'refused', 'nobody scopes themselves: let another admin do it, or use the control socket');
  }
  const profiles = readProfiles(text, parts);
  if (!parts.operators.setProfiles(name, profiles)) {
    throw noOperator(name, parts.operators.list());
  }
  return answerOf(parts, name);
}

async function setPassword({ parts, params, body }: Call): Promise<Answer> {
  const name = getText(params, 'name');
  const password = getText(readBody(body, ['password']), 'password');
  const fault = findPasswordFault(password);
  if (fault !== null) {
    throw new ApiError(400, 'bad_request', fault);
  }
  if (parts.operators.find(name) === null || !parts.operators.setPassword(name, await passwords.hash(password))) {
    throw noOperator(name, parts.operators.list());
  }
  return answerOf(parts, name);
}

async function issueToken({ parts, params, body }: Call): Promise<Answer> {
  const name = getText(params, 'name');
  const lastsMs = parseDurationMs(getText(readBody(body, ['expires']), 'expires'));
  if (lastsMs === null || lastsMs < 1000 || lastsMs > MAX_TOKEN_MS) {
    throw new ApiError(400, 'bad_request', 'expires is a duration such as 30m or 720h, a year at most');
  }
  const expiresMs = parts.clock.now() + lastsMs;
  const token = parts.operators.issueToken(name, expiresMs);
  if (token === null) {
    throw noOperator(name, parts.operators.list());
  }
  const told: TokenJson = { name, token, expires: timeText(expiresMs) };
  return { kind: 'json', body: told };
}

async function removeOperator({ parts, params, operator }: Call): Promise<Answer> {
  const name = getText(params, 'name');
  const found = parts.operators.find(name);
  if (found === null) {
    throw noOperator(name, parts.operators.list());
  }
  if (name === operator.name) {
    throw new ApiError(409, 'refused', 'nobody removes themselves: let another admin do it, or use the control socket');
  }
  parts.operators.remove(name);
  return { kind: 'json', body: operatorJson(found, parts.clock.now()) };
}

function answerOf(parts: Call['parts'], name: string): Answer {
  const found = parts.operators.find(name);
  if (found === null) {
    throw noOperator(name, parts.operators.list());
  }
  return { kind: 'json', body: operatorJson(found, parts.clock.now()) };
}

export const OPERATOR_ROUTES: readonly Route[] = [
  {
    name: 'operators.list',
    method: 'GET',
    path: '/api/operators',
    kind: 'reads',
    role: 'admin',
    sight: 'unscoped',
    answer: listOperators,
  },
  {
    name: 'operators.add',
    method: 'POST',
    path: '/api/operators',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name', 'role', 'email', 'slack', 'profiles'],
    answer: addOperator,
  },
  {
    name: 'operators.scope',
    method: 'PUT',
    path: '/api/operators/:name/scope',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name', 'profiles', 'all'],
    answer: setScope,
  },
  {
    name: 'operators.passwd',
    method: 'PUT',
    path: '/api/operators/:name/password',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name'],
    answer: setPassword,
  },
  {
    name: 'operators.token',
    method: 'POST',
    path: '/api/operators/:name/token',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name', 'expires'],
    answer: issueToken,
  },
  {
    name: 'operators.remove',
    method: 'DELETE',
    path: '/api/operators/:name',
    kind: 'acts',
    role: 'admin',
    sight: 'unscoped',
    recorded: ['name'],
    answer: removeOperator,
  },
];
