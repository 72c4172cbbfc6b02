// How a program of the agent's asks the gateway at its own name: through the tunnel that it is in, or through the proxy that HTTPS_PROXY names.
// It says nothing about who it is: that is the connection's. Each call has a deadline and a bound.
import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { AGENT_NAME } from '../config/hosts.ts';
import { messageOf } from '../lib/errors.ts';
import { devicePaths } from './device-files.ts';
import { LinkError, readAnswer } from './link-answer.ts';

export interface AgentLink {
  /** The body of the answer. Rejects with LinkError; its message is the gateway's own reason where it gave one. */
  get(path: string): Promise<string>;
  post(path: string, body: object): Promise<string>;
}

type Env = Readonly<Record<string, string | undefined>>;

const DEADLINE_MS = 15_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Opens nothing by itself. `caDir` in place of ~/.clawpatrol. */
export function createAgentLink(env: Env, caDir: string | null): AgentLink {
  const call = async (method: string, path: string, body: object | null): Promise<string> => {
    const over = AbortSignal.timeout(DEADLINE_MS);
    try {
      return await ask({ method, path, ca: readCertificates(env, caDir), proxy: findProxy(env), signal: over }, body);
    } catch (error) {
      if (error instanceof LinkError) {
        throw error;
      }
      const why = over.aborted ? `no answer within ${DEADLINE_MS / 1000} s` : messageOf(error);
      const hint = 'is this inside a run, on a machine that has joined, or with HTTPS_PROXY set to the gateway?';
      throw new LinkError(0, `https://${AGENT_NAME}: ${why}; ${hint}`, { cause: error });
    }
  };
  return { get: (path) => call('GET', path, null), post: (path, body) => call('POST', path, body) };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly ca: readonly string[];
  readonly proxy: URL | null;
  readonly signal: AbortSignal;
}

async function ask({ method, path, ca, proxy, signal }: Call, body: object | null): Promise<string> {
  const bytes = body === null ? null : Buffer.from(JSON.stringify(body));
  const headers = bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
  // Where no certificate is found, the system's own have to do.
  const trust = ca.length === 0 ? {} : { ca: [...ca] };
  const socket = proxy === null ? null : await openTunnel(proxy, signal);
  // An agent, even none, would make a connection of its own.
  const way: RequestOptions =
    socket === null
      ? { host: AGENT_NAME, port: 443, agent: false, ...trust }
      : { createConnection: () => connectTls({ socket, servername: AGENT_NAME, ...trust }) };
  try {
    const options = { ...way, method, path, headers: { ...headers, host: AGENT_NAME }, signal };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      requestSecure(options, resolve)
        .on('error', reject)
        .end(bytes ?? undefined);
    });
    const text = await readAnswer(response, MAX_ANSWER_BYTES);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      throw new LinkError(status, reasonIn(text) ?? `the gateway answered ${status}`);
    }
    return text;
  } finally {
    socket?.destroy();
  }
}

/** A tunnel to the name, opened with CONNECT. */
function openTunnel(proxy: URL, signal: AbortSignal): Promise<Socket> {
  const where = `${AGENT_NAME}:443`;
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const login = proxy.username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` };
  return new Promise((resolve, reject) => {
    const host = proxy.hostname.replace(/^\[|\]$/g, '');
    const port = proxy.port === '' ? 80 : Number(proxy.port);
    const headers = { host: where, ...login };
    requestPlain({ host, port, method: 'CONNECT', path: where, headers, agent: false, signal })
      .on('connect', (response, socket) => {
        if (response.statusCode === 200) {
          resolve(socket);
        } else {
          socket.destroy();
          reject(new Error(`the proxy ${proxy.host} answered ${response.statusCode ?? 0}`));
        }
      })
      .on('response', (response) => {
        response.destroy();
        reject(new Error(`the proxy ${proxy.host} answered ${response.statusCode ?? 0}`));
      })
      .on('error', reject)
      .end();
  });
}

/** The proxy that the environment names for https, as curl reads it; null where none is, or where the name is excepted. */
export function findProxy(env: Env): URL | null {
  const written = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].map((name) => env[name] ?? '');
  const proxy = written.find((text) => text !== '');
  const except = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').split(/[,\s]+/).map((name) => name.replace(/^\*?\./, ''));
  if (proxy === undefined || except.some((name) => name === '*' || isUnder(AGENT_NAME, name))) {
    return null;
  }
  let url: URL;
  try {
    url = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
  } catch (error) {
    throw new Error('HTTPS_PROXY is no URL', { cause: error });
  }
  if (url.protocol !== 'http:') {
    throw new Error(`the gateway's proxy speaks plain HTTP, and HTTPS_PROXY says ${url.protocol.replace(':', '')}`);
  }
  return url;
}

function isUnder(host: string, suffix: string): boolean {
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

/** Every certificate file that a run or a join has left: any of them may be the gateway's. */
function readCertificates(env: Env, caDir: string | null): readonly string[] {
  const { caDir: folder } = devicePaths(env, caDir);
  const paths = [join(folder, 'ca.crt'), env['NODE_EXTRA_CA_CERTS'], env['SSL_CERT_FILE']];
  return paths.flatMap((path) => {
    try {
      return path === undefined || path === '' ? [] : [readFileSync(path, 'utf8')];
    } catch {
      return [];
    }
  });
}

/** What the gateway says is wrong, with what to do about it. */
function reasonIn(text: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const error: unknown = typeof value === 'object' && value !== null && 'error' in value ? value.error : null;
  if (typeof error !== 'object' || error === null || !('reason' in error) || typeof error.reason !== 'string') {
    return null;
  }
  const hint = 'hint' in error && typeof error.hint === 'string' && error.hint !== '' ? ` ${error.hint}` : '';
  return `${error.reason}.${hint}`;
}
