// Placeholders: where an agent writes a text that stands for a secret, how that text picks a credential among several, and the last
// look at what leaves that none of them is in it (config reference 1.4, 1.5).
import type { CandidateCredential, DispatchHints } from '../protocol.ts';
import { isGitPath } from './git-path.ts';
import { fieldValues } from './request.ts';
import type { HttpRequest } from './request.ts';

type Read = (request: HttpRequest, attributes: CandidateCredential['attributes']) => string | null;

/** Where a credential type injects, so where its placeholder is looked for: nowhere else. First found wins. */
const SLOTS: Readonly<Record<string, readonly Read[]>> = {
  bearer_token: [(request) => findToken(request, ['bearer'])],
  basic_auth: [findPassword],
  header_token: [findHeader],
  cookie_token: [findCookie],
  anthropic_manual_key: [(request) => findSingle(request, 'x-api-key')],
  gemini_api_key: [(request) => findSingle(request, 'x-goog-api-key'), (request) => findQuery(request, 'key')],
  anthropic_oauth_subscription: [(request) => findToken(request, ['bearer'])],
  // Tools of GitHub write `token` as well as `Bearer`; git can only say Basic.
  github_oauth: [
    (request) => findToken(request, ['bearer', 'token']),
    (request) => (isGitPath(request.rawPath) ? findPassword(request) : null),
  ],
  openai_codex_oauth: [(request) => findToken(request, ['bearer'])],
  notion_oauth: [(request) => findToken(request, ['bearer'])],
  notion_mcp_oauth: [(request) => findToken(request, ['bearer'])],
  slack_tokens: [(request) => findToken(request, ['bearer'])],
  discord_bot_token: [(request) => findToken(request, ['bot'])],
};

/** Hints for the dispatcher: of each candidate, the whole value in the slot of that candidate's type. */
export function placeholderHints(request: HttpRequest): DispatchHints {
  return ({ type, attributes }) => {
    for (const read of SLOTS[type] ?? []) {
      const placeholder = read(request, attributes);
      if (placeholder !== null) {
        return { placeholder };
      }
    }
    return {};
  };
}

/** Where in the head one of the placeholders stands, in words for the agent, or null. Also looks behind percent and Basic encoding. */
export function findPlaceholder(request: HttpRequest, placeholders: readonly string[]): string | null {
  if (placeholders.length === 0) {
    return null;
  }
  const holds = (text: string): boolean =>
    [text, decodePercent(text), decodeBasic(text)].some((form) => placeholders.some((one) => form.includes(one)));
  if (holds(request.rawPath)) {
    return 'the path';
  }
  if (request.rawQuery !== null && (holds(request.rawQuery) || holds(request.rawQuery.replaceAll('+', ' ')))) {
    return 'the query';
  }
  const field = request.fields.find(({ name, value }) => holds(asText(value)) || holds(name));
  return field === undefined ? null : `the header ${field.name}`;
}

/** A field's bytes as the text that they are in UTF-8. */
function asText(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

/** The only field of that name; null when there is none, or when a server could choose among several. */
function findSingle(request: HttpRequest, name: string): string | null {
  const values = fieldValues(request.fields, name);
  return values.length === 1 ? asText(values[0] ?? '') : null;
}

function findToken(request: HttpRequest, schemes: readonly string[]): string | null {
  const parts = /^([^ ]+) +([^ ].*)$/.exec(findSingle(request, 'authorization') ?? '');
  return parts !== null && schemes.includes((parts[1] ?? '').toLowerCase()) ? (parts[2] ?? '').trimEnd() : null;
}

function findPassword(request: HttpRequest): string | null {
  const encoded = findToken(request, ['basic']);
  if (encoded === null) {
    return null;
  }
  const plain = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  return colon === -1 ? null : plain.slice(colon + 1);
}

function findHeader(request: HttpRequest, { header, prefix }: CandidateCredential['attributes']): string | null {
  const value = typeof header === 'string' ? findSingle(request, header.toLowerCase()) : null;
  const before = typeof prefix === 'string' ? prefix : '';
  return value !== null && before !== '' && value.startsWith(before) ? value.slice(before.length) : value;
}

function findCookie(request: HttpRequest, { cookie_name: name }: CandidateCredential['attributes']): string | null {
  if (typeof name !== 'string') {
    return null;
  }
  const values = fieldValues(request.fields, 'cookie')
    .flatMap((value) => asText(value).split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] ?? null) : null;
}

function findQuery(request: HttpRequest, name: string): string | null {
  const values = (request.rawQuery ?? '')
    .split('&')
    .map((pair) => [pair.replace(/=.*$/s, ''), pair.replace(/^[^=]*=?/, '')].map(decodePercent))
    .filter(([key]) => key === name);
  return values.length === 1 ? (values[0]?.[1] ?? null) : null;
}

/** Percent-decoded as far as it can be: what is malformed stays as it is. */
function decodePercent(text: string): string {
  return text.includes('%')
    ? text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
        Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
      )
    : text;
}

function decodeBasic(text: string): string {
  const encoded = /^basic +(\S+)/i.exec(text)?.[1];
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
}
