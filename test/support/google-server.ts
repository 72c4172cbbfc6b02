// Google's token endpoint, which verifies the assertion of a service account as RFC 7523 and Google's documentation have it, and a Cloud
// Storage that knows only the tokens which that has issued.
import { generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { testAuthority } from './http-gateway.ts';
import type { CleanUp } from './temp.ts';

const EMAIL = 'bot@p.iam.gserviceaccount.com';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface GoogleServer {
  readonly port: number;
  /** The JSON file of the service account's key, as Google hands it out. */
  readonly keyFile: string;
  /** The same for a key that the account does not have. */
  readonly otherKeyFile: string;
  /** What was wrong with requests; empty in every good test. */
  readonly faults: string[];
  /** Tokens that were issued. */
  readonly issued: string[];
  readonly objects: Map<string, string>;
}

type State = Omit<GoogleServer, 'port' | 'keyFile' | 'otherKeyFile'>;

export async function startGoogle(cleanUp: CleanUp): Promise<GoogleServer> {
  const state: State = { faults: [], issued: [], objects: new Map([['dir/a.txt', 'the report']]) };
  const [own, other] = [0, 1].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
  if (own === undefined || other === undefined) {
    throw new Error('no key');
  }
  const tokens = createPlain((request, response) => void issue(state, own.publicKey, { request, response }));
  const tokenPort = await listen(tokens, cleanUp);
  const api = createServer(
    await (await testAuthority()).leaf('localhost'),
    (request, response) => void serve(state, request, response),
  );
  const fileOf = (key: KeyObject): string =>
    JSON.stringify({
      type: 'service_account',
      project_id: 'p',
      private_key_id: 'k1',
      private_key: key.export({ type: 'pkcs8', format: 'pem' }),
      client_email: EMAIL,
      token_uri: tokenUri(tokenPort),
    });
  return {
    ...state,
    port: await listen(api, cleanUp),
    keyFile: fileOf(own.privateKey),
    otherKeyFile: fileOf(other.privateKey),
  };
}

function tokenUri(port: number | undefined): string {
  return `http://127.0.0.1:${port}/token`;
}

async function listen(
  server: ReturnType<typeof createPlain> | ReturnType<typeof createServer>,
  cleanUp: CleanUp,
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function say(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

async function issue(
  state: State,
  key: KeyObject,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const form = new URLSearchParams(await read(request));
  const fault =
    form.get('grant_type') === GRANT
      ? faultOf(form.get('assertion') ?? '', key, request.socket.localPort)
      : 'grant_type';
  if (fault !== null) {
    state.faults.push(`token: ${fault}`);
    say(response, 400, { error: 'invalid_grant' });
    return;
  }
  const token = `ya29.${state.issued.length}.${'t'.repeat(40)}`;
  state.issued.push(token);
  say(response, 200, { access_token: token, expires_in: 3600, token_type: 'Bearer' });
}

/** What is wrong with an assertion, or null. */
function faultOf(assertion: string, key: KeyObject, port: number | undefined): string | null {
  const [head = '', claims = '', signature = ''] = assertion.split('.');
  const parse = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString() || '{}') as Record<string, unknown>;
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'))) {
    return 'signature';
  }
  const { iss, aud, scope, iat, exp } = parse(claims);
  const nowS = Date.now() / 1000;
  const rows: readonly (readonly [string, boolean])[] = [
    ['alg', parse(head)['alg'] === 'RS256'],
    ['kid', parse(head)['kid'] === 'k1'],
    ['iss', iss === EMAIL],
    ['aud', aud === tokenUri(port)],
    ['scope', typeof scope === 'string' && scope.split(' ').includes(SCOPE)],
    ['iat', typeof iat === 'number' && iat <= nowS && iat > nowS - 600],
    ['exp', typeof iat === 'number' && typeof exp === 'number' && exp > nowS && exp - iat <= 3600],
  ];
  return rows.find(([, right]) => !right)?.[0] ?? null;
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request;
  const { pathname, searchParams } = new URL(url, 'https://localhost');
  const body = await read(request);
  if (!state.issued.some((token) => headers.authorization === `Bearer ${token}`)) {
    state.faults.push(`${method} ${pathname}: ${String(headers.authorization)}`);
    say(response, 401, { error: { code: 401, message: 'Invalid Credentials' } });
    return;
  }
  const name = decodeURIComponent(/^\/storage\/v1\/b\/reports\/o\/(.+)$/.exec(pathname)?.[1] ?? '');
  const found = state.objects.get(name);
  if (method === 'GET' && pathname === '/storage/v1/b/reports/o') {
    say(response, 200, { kind: 'storage#objects', items: [...state.objects.keys()].map((key) => ({ name: key })) });
  } else if (method === 'GET' && found !== undefined && searchParams.get('alt') === 'media') {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': found.length }).end(found);
  } else if (method === 'DELETE' && found !== undefined) {
    state.objects.delete(name);
    response.writeHead(204).end();
  } else if (method === 'POST' && pathname === '/upload/storage/v1/b/reports/o') {
    const wanted = searchParams.get('name') ?? '';
    state.objects.set(wanted, contentOf(headers['content-type'] ?? '', body));
    say(response, 200, { kind: 'storage#object', name: wanted, bucket: 'reports' });
  } else {
    say(response, 404, { error: { code: 404, message: 'Not Found' } });
  }
}

/** The second part of multipart/related. */
function contentOf(type: string, body: string): string {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1] ?? '';
  const part = body.split(`--${boundary}`)[2] ?? '';
  return part.slice(part.indexOf('\r\n\r\n') + 4).replace(/\r\n$/, '');
}
