// The flags of `explain` as an action object, the same as a line of `--jsonl` would be.
import { readFile } from 'node:fs/promises';
import { messageOf } from '../lib/errors.ts';
import { FAMILIES } from '../rules/action.ts';
import { CliError, EXIT, textOption } from './command.ts';
import type { Call } from './command.ts';
import { readAll } from './io.ts';

type Json = Record<string, unknown>;

/** Flags that make sense only with one kind of action. */
const BELONGS: Readonly<Record<string, readonly string[]>> = {
  database: ['sql'],
  header: ['http', 'k8s'],
  body: ['http', 'k8s'],
  command: ['ssh'],
  subsystem: ['ssh'],
  forward: ['ssh'],
  user: ['ssh'],
  stdin: ['ssh'],
};

/** The described action. Throws CliError when the flags do not make one. */
export async function describeAction(call: Call): Promise<Json> {
  const kinds = FAMILIES.filter((name) => textOption(call, name) !== null);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    throw new CliError('usage', EXIT.usage, 'give exactly one of --sql, --http, --k8s, --ssh (or --jsonl)');
  }
  for (const [name, families] of Object.entries(BELONGS)) {
    const value = call.options[name];
    if (typeof value === 'string' || (Array.isArray(value) && value.length > 0)) {
      if (!families.includes(kind)) {
        throw new CliError(
          'usage',
          EXIT.usage,
          `--${name} goes with ${families.map((family) => `--${family}`).join(' or ')}`,
        );
      }
    }
  }
  const action = await MAKERS[kind]?.(call, textOption(call, kind) ?? '');
  return dropNull({
    host: textOption(call, 'host'),
    endpoint: textOption(call, 'endpoint'),
    profile: textOption(call, 'profile'),
    credential: textOption(call, 'credential'),
    peer_ip: textOption(call, 'agentIp'),
    ...action,
  });
}

const MAKERS: Readonly<Record<string, (call: Call, text: string) => Promise<Json>>> = {
  sql: async (call, text) => {
    const statement = text === '-' ? (await readAll(call.io.stdin)).toString('utf8') : text;
    return { sql: dropNull({ statement, database: textOption(call, 'database') }) };
  },
  http: async (call, text) => {
    const { method, target } = splitRequest('http', text);
    // Cut by hand: URL would remove dot segments and turn backslashes around, and judge another path than the one that was typed.
    const url = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(target);
    if (url === null) {
      throw new CliError('usage', EXIT.usage, `--http takes 'METHOD URL', and "${target}" is not a URL`);
    }
    const [, scheme = '', authority = '', rest = ''] = url;
    const port = /:\d+$/.test(authority) ? '' : scheme.toLowerCase() === 'http' ? ':80' : ':443';
    const path = rest.startsWith('/') ? rest : `/${rest}`;
    const host = textOption(call, 'host') ?? `${authority}${port}`;
    return { host, http: { method, path, ...(await message(call)) } };
  },
  k8s: async (call, text) => {
    const { method, target } = splitRequest('k8s', text);
    // The query as it was typed: how it is read is the live code's business.
    return { k8s: { method, path: target, ...(await message(call)) } };
  },
  ssh: async (call, verb) => {
    const forward = /^(.+):(\d+)$/.exec(textOption(call, 'forward') ?? '');
    const stdin = textOption(call, 'stdin');
    return {
      ssh: dropNull({
        verb,
        command: textOption(call, 'command'),
        subsystem: textOption(call, 'subsystem'),
        user: textOption(call, 'user'),
        forward_host: forward?.[1] ?? null,
        forward_port: forward === null ? null : Number(forward[2]),
        stdin: stdin === null ? null : (await readInput(call, stdin)).toString('utf8'),
      }),
    };
  },
};

function splitRequest(flagName: string, text: string): { readonly method: string; readonly target: string } {
  const match = /^(\S+)\s+(\S+)$/.exec(text.trim());
  if (match === null) {
    throw new CliError('usage', EXIT.usage, `--${flagName} takes a method and a target, not "${text}"`);
  }
  return { method: match[1] ?? '', target: match[2] ?? '' };
}

/** Headers and body of a request. */
async function message(call: Call): Promise<Json> {
  const headers: Record<string, string[]> = {};
  const given = call.options['header'];
  for (const header of Array.isArray(given) ? given.map(String) : []) {
    const at = header.indexOf(':');
    if (at < 1) {
      throw new CliError('usage', EXIT.usage, `--header takes NAME:VALUE, not "${header}"`);
    }
    (headers[header.slice(0, at).trim().toLowerCase()] ??= []).push(header.slice(at + 1).trim());
  }
  const path = textOption(call, 'body');
  const body = path === null ? null : await readInput(call, path);
  return { headers, ...(body === null ? {} : bodyFields(body)) };
}

function bodyFields(body: Buffer): Json {
  const text = body.toString('utf8');
  return Buffer.from(text).equals(body) ? { body: text } : { body_b64: body.toString('base64') };
}

async function readInput(call: Call, path: string): Promise<Buffer> {
  try {
    return path === '-' ? await readAll(call.io.stdin) : await readFile(path);
  } catch (error) {
    throw new CliError('usage', EXIT.usage, `${path} cannot be read: ${messageOf(error)}`);
  }
}

function dropNull(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}
