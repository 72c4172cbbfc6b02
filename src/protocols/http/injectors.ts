// What each type of credential puts into a request (config reference, 1.5): one small function a type. inject.ts does what is common to
// all: taking out what the agent sent in such places, and the last look for placeholders.
import type { EndpointConfig } from '../../config/config.ts';
import type { DispatchedCredential } from '../protocol.ts';
import { isGitPath } from './git-path.ts';
import { idempotencyKey, wantsIdempotencyKey } from './idempotency.ts';
import { fieldValues } from './request.ts';
import type { BodyReading, HttpRequest } from './request.ts';
import { eksToken, resignRequest } from './sigv4-resign.ts';
import { queryPairs } from './sigv4.ts';
import type { AwsKeys } from './sigv4.ts';

/** A field that takes the place of the agent's of that name. */
export interface PutField {
  readonly name: string;
  /** Null: the agent's is taken out. */
  readonly value: string | null;
  /** What of the value is the agent's own; left out where nothing is. */
  readonly own?: string;
}

export interface InjectorParts {
  readonly nowMs: number;
  readonly body: BodyReading;
  readonly endpoint: Pick<EndpointConfig, 'type' | 'attributes'>;
  /** User that the agent named, where its protocol has such a thing and the credential does not say. */
  readonly login?: string;
}

/** What an injector makes. `secrets`: every text of it that must not be seen again. */
export type Put =
  | {
      readonly kind: 'put';
      readonly fields: readonly PutField[];
      readonly secrets: readonly string[];
      /** Query parameters whose value is replaced where they are sent, by decoded name. */
      readonly query?: Readonly<Record<string, string>>;
    }
  /** The request made anew; `rest` is what of it the agent chose. */
  | {
      readonly kind: 'whole';
      readonly request: HttpRequest;
      readonly rest: HttpRequest;
      readonly secrets: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string };

/** `request` has no credential of the agent's any more, but for what the type reads from it. */
export type Injector = (request: HttpRequest, credential: DispatchedCredential, parts: InjectorParts) => Put;

/** The slot in which a minted or configured access token comes (credentials/derive.ts). */
const ACCESS_TOKEN = 'access_token';

/** By type of credential. */
export const INJECTORS: Readonly<Record<string, Injector>> = {
  bearer_token: single((secret, request, { credential, body }) => {
    const key = wantsIdempotencyKey(request, credential) ? idempotencyKey(request, body) : null;
    return bearer(secret, key === null ? [] : [{ name: 'Idempotency-Key', value: key }]);
  }),
  basic_auth: single((secret, _, { credential }) => basic(attributeOf(credential, 'username'), secret)),
  header_token: single((secret, _, { credential }) => {
    const value = `${attributeOf(credential, 'prefix')}${secret}`;
    return put([{ name: attributeOf(credential, 'header'), value }], [secret]);
  }),
  cookie_token: single(cookie),
  mtls_credential: () => put([], []),
  anthropic_manual_key: single((secret) => put([{ name: 'x-api-key', value: secret }], [secret])),
  gemini_api_key: single((secret, request) => ({
    kind: 'put',
    fields: [{ name: 'x-goog-api-key', value: secret }],
    secrets: [secret],
    ...(queryPairs(request.rawQuery).some(([name]) => name === 'key') ? { query: { key: secret } } : {}),
  })),
  anthropic_oauth_subscription: single((secret, request) => {
    const own = fieldValues(request.fields, 'anthropic-beta').join(',');
    const asked = own.split(',').map((word) => word.trim());
    const value = asked.includes(ANTHROPIC_BETA) ? own : [own, ANTHROPIC_BETA].filter((word) => word !== '').join(',');
    return bearer(secret, [{ name: 'anthropic-beta', value, own }]);
  }),
  github_oauth: single((secret, request) =>
    isGitPath(request.rawPath) ? basic('x-access-token', secret) : bearer(secret),
  ),
  openai_codex_oauth: single((secret) => {
    // Without an account in the token the agent's own word for it goes too: it would be one that the agent chose.
    return bearer(secret, [{ name: 'ChatGPT-Account-Id', value: codexAccount(secret) }]);
  }),
  notion_oauth: single(notion),
  notion_mcp_oauth: single(notion),
  slack_tokens: (request, credential) => {
    const slot = SLACK_APP_CALLS.test(request.rawPath) ? 'app' : 'bot';
    const secret = valueOf(credential, slot);
    return secret.kind === 'refused' ? secret : bearer(secret.text);
  },
  discord_bot_token: single((secret) => put([{ name: 'Authorization', value: `Bot ${secret}` }], [secret])),
  telegram_bot_token: () =>
    refused('the token of a Telegram bot stands in the path, which this version does not rewrite'),
  aws_credential: aws,
  google_gke_credential: (_, credential) => {
    const token = valueOf(credential, ACCESS_TOKEN);
    return token.kind === 'refused' ? token : bearer(token.text);
  },
  kubeconfig_credential: kubeconfig,
  clickhouse_credential: single((secret, _, { credential, login }) => {
    const own = attributeOf(credential, 'user');
    const user = own === '' ? (login ?? '') : own;
    const name = Buffer.from(user === '' ? 'default' : user, 'utf8').toString('latin1');
    return CONTROL.test(name)
      ? refused(`the user of the credential ${credential.ref} cannot stand in a header`)
      : put(
          [
            { name: 'X-ClickHouse-User', value: name },
            { name: 'X-ClickHouse-Key', value: secret },
          ],
          [secret],
        );
  }),
};

const ANTHROPIC_BETA = 'oauth-2025-04-20';
/** The version of the API that this gateway names where the agent names none. */
const NOTION_VERSION = '2022-06-28';
/** Calls of Slack that take the token of the app and not the bot's. */
const SLACK_APP_CALLS = /^\/api\/(?:apps\.connections\.open|apps\.event\.authorizations\.list)$/;

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why };
}

function attributeOf({ attributes }: DispatchedCredential, name: string): string {
  const value = attributes[name];
  return typeof value === 'string' ? value : '';
}

function put(fields: readonly PutField[], secrets: readonly string[]): Put {
  return { kind: 'put', fields, secrets };
}

/** The injector of a type whose one secret stands in the unnamed slot. */
function single(
  make: (
    secret: string,
    request: HttpRequest,
    parts: InjectorParts & { readonly credential: DispatchedCredential },
  ) => Put,
): Injector {
  return (request, credential, parts) => {
    const secret = valueOf(credential, '');
    return secret.kind === 'refused' ? secret : make(secret.text, request, { ...parts, credential });
  };
}

type Value = { readonly kind: 'value'; readonly text: string } | { readonly kind: 'refused'; readonly why: string };

/** A value that can stand in a header field, one character a byte; what cannot would end the field, or the head. */
function valueOf({ ref, secrets }: DispatchedCredential, slot: string): Value {
  const text = secrets.get(slot)?.reveal() ?? '';
  const which = slot === '' ? ref : `${ref}, slot ${slot}`;
  if (text === '') {
    return refused(`the credential ${which} has no value`);
  }
  if (CONTROL.test(text) || text.trim() !== text) {
    return refused(
      `the value of the credential ${which} cannot stand in a header: it holds a line end, a control character or outer space`,
    );
  }
  return { kind: 'value', text: Buffer.from(text, 'utf8').toString('latin1') };
}

// oxlint-disable-next-line no-control-regex -- these are what a header field may not hold
const CONTROL = /[\u0000-\u001f\u007f]/;

function bearer(secret: string, more: readonly PutField[] = []): Put {
  return put([{ name: 'Authorization', value: `Bearer ${secret}` }, ...more], [secret]);
}

function basic(username: string, secret: string): Put {
  const encoded = Buffer.concat([Buffer.from(`${username}:`, 'utf8'), Buffer.from(secret, 'latin1')]).toString(
    'base64',
  );
  return put([{ name: 'Authorization', value: `Basic ${encoded}` }], [secret, encoded]);
}

/** One cookie is ours, all others stay as they were. */
function cookie(
  secret: string,
  request: HttpRequest,
  { credential }: { readonly credential: DispatchedCredential },
): Put {
  if (/[;,\s"\\]/.test(secret)) {
    return refused(`the value of the credential ${credential.ref} cannot stand in a cookie`);
  }
  const name = attributeOf(credential, 'cookie_name');
  const others = fieldValues(request.fields, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && (pair.split('=', 1)[0] ?? '').trimEnd() !== name);
  return put(
    [{ name: 'Cookie', value: [...others, `${name}=${secret}`].join('; '), own: others.join('; ') }],
    [secret],
  );
}

function notion(secret: string, request: HttpRequest): Put {
  const own = fieldValues(request.fields, 'notion-version').at(-1);
  return bearer(secret, [
    { name: 'Notion-Version', value: own ?? NOTION_VERSION, ...(own === undefined ? {} : { own }) },
  ]);
}

/** The account that the access token is for: a claim of the token itself. */
function codexAccount(token: string): string | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const auth = fieldOf(claims, 'https://api.openai.com/auth');
    const account = fieldOf(auth, 'chatgpt_account_id');
    return typeof account === 'string' && /^[\w-]+$/.test(account) ? account : null;
  } catch {
    return null;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function aws(request: HttpRequest, credential: DispatchedCredential, parts: InjectorParts): Put {
  const keys = awsKeys(credential);
  if (keys.kind === 'refused') {
    return keys;
  }
  const secrets = [keys.keys.secretAccessKey, ...(keys.keys.sessionToken === null ? [] : [keys.keys.sessionToken])];
  const { endpoint, nowMs, body } = parts;
  if (endpoint.type === 'kubernetes') {
    const { cluster_name: clusterName, region } = endpoint.attributes;
    if (typeof clusterName !== 'string' || typeof region !== 'string' || clusterName === '' || region === '') {
      return refused('the endpoint names no cluster_name and region, which a token for EKS needs');
    }
    const token = eksToken(keys.keys, { clusterName, region, nowMs });
    return put([{ name: 'Authorization', value: `Bearer ${token}` }], [...secrets, token]);
  }
  const resigned = resignRequest(request, {
    keys: keys.keys,
    nowMs,
    body,
    unsignedPayload: credential.attributes['unsigned_payload'] === true,
  });
  return resigned.kind === 'refused'
    ? refused(`the request cannot be signed: ${resigned.why}`)
    : { kind: 'whole', request: resigned.request, rest: resigned.rest, secrets };
}

function awsKeys(
  credential: DispatchedCredential,
): { readonly kind: 'keys'; readonly keys: AwsKeys } | { readonly kind: 'refused'; readonly why: string } {
  const id = valueOf(credential, 'access_key_id');
  const key = valueOf(credential, 'secret_access_key');
  const token = credential.secrets.has('session_token') ? valueOf(credential, 'session_token') : null;
  if (id.kind === 'refused') {
    return id;
  }
  if (key.kind === 'refused') {
    return key;
  }
  if (token?.kind === 'refused') {
    return token;
  }
  return {
    kind: 'keys',
    keys: { accessKeyId: id.text, secretAccessKey: key.text, sessionToken: token?.text ?? null },
  };
}

/** A kubeconfig's user proves itself by a token, by name and password, or by a client certificate alone (`clientCertificate`). */
function kubeconfig(_: HttpRequest, credential: DispatchedCredential): Put {
  const { secrets } = credential;
  if (secrets.has(ACCESS_TOKEN)) {
    const token = valueOf(credential, ACCESS_TOKEN);
    return token.kind === 'refused' ? token : bearer(token.text);
  }
  if (secrets.has('username')) {
    const password = valueOf(credential, 'password');
    return password.kind === 'refused' ? password : basic(secrets.get('username')?.reveal() ?? '', password.text);
  }
  return secrets.has('cert') && secrets.has('key')
    ? put([], [])
    : refused(`the user of the kubeconfig ${credential.ref} has neither token nor client certificate`);
}
