// An OAuth access token of Google Cloud from the key of a service account (RFC 7523: a signed assertion is exchanged for a token at the
// key's own token_uri). No message here holds any part of the key or of an answer.
import { createPrivateKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import type { PostForm } from './post-form.ts';
import type { Made } from './renewing.ts';

/** What may be asked for with the token: everything that the service account itself may, and its name, which GKE asks for. */
const SCOPES = 'https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email';
const ASSERTION_S = 3600;
/** Servers whose clock is behind ours would take the assertion to be made in the future. */
const SKEW_S = 30;

interface ServiceAccount {
  readonly email: string;
  readonly keyId: string;
  readonly key: KeyObject;
  readonly tokenUri: string;
}

/** Exchanges the key for a token. Rejects with an Error whose message goes on from "cannot get an access token: ". */
export async function mintGoogleToken(
  saKey: Secret,
  { clock, post }: { readonly clock: Clock; readonly post: PostForm },
): Promise<Made<Secret>> {
  const account = parseKey(saKey.reveal());
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: createAssertion(account, clock.now()),
  });
  const { status, text } = await post(account.tokenUri, form.toString());
  const answer = parseObject(text);
  if (status !== 200) {
    const error = answer['error'];
    const word = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
    throw new Error(`${account.tokenUri} answered ${status}${word}`);
  }
  const token = answer['access_token'];
  const life = answer['expires_in'];
  if (typeof token !== 'string' || token === '' || typeof life !== 'number' || !(life > 0)) {
    throw new Error(`${account.tokenUri} answered without a token`);
  }
  return { value: new Secret(token), lifeMs: life * 1000 };
}

function createAssertion({ email, keyId, key, tokenUri }: ServiceAccount, nowMs: number): string {
  const issued = Math.floor(nowMs / 1000) - SKEW_S;
  const claims = { iss: email, scope: SCOPES, aud: tokenUri, iat: issued, exp: issued + ASSERTION_S };
  const head = { alg: 'RS256', typ: 'JWT', ...(keyId === '' ? {} : { kid: keyId }) };
  const signed = [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}

function parseKey(text: string): ServiceAccount {
  const fields = parseObject(text);
  const [email, key, tokenUri] = ['client_email', 'private_key', 'token_uri'].map((name) => {
    const value = fields[name];
    if (typeof value !== 'string' || value === '') {
      throw new Error(`the key has no ${name}; it is the JSON file of a service account's key`);
    }
    return value;
  });
  const keyId = fields['private_key_id'];
  return {
    email: email ?? '',
    keyId: typeof keyId === 'string' ? keyId : '',
    key: parsePem(key ?? ''),
    tokenUri: checkUrl(tokenUri ?? ''),
  };
}

function parsePem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error('its private_key is not a PEM key');
  }
}

/** An assertion is worth a token: it goes over TLS, or does not leave this machine. */
function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const local = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol !== 'https:' && !local) {
    throw new Error('its token_uri is no https URL');
  }
  return text;
}

/** Neither key nor answer may stand in a message, so what the parser says of it is dropped. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('what should be JSON is not');
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
