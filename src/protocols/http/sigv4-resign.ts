// Puts an AWS credential into a request: the agent's signature, made with keys that are worth nothing, is made again over exactly what is
// sent. Service and region are the agent's, and must be the host's. Also the bearer token that EKS takes, which is a signed URL.
import { createHash } from 'node:crypto';
import { scopeConflict } from './aws-host.ts';
import type { BodyReading, Field, HttpRequest } from './request.ts';
import { fieldValues } from './request.ts';
import {
  ALGORITHM,
  amzTime,
  EMPTY_HASH,
  queryPairs,
  readSignature,
  scopeText,
  signRequest,
  UNSIGNED,
} from './sigv4.ts';
import type { AgentSignature, AwsKeys, AwsScope } from './sigv4.ts';

export interface ResignParts {
  readonly keys: AwsKeys;
  readonly nowMs: number;
  readonly body: BodyReading;
  /** The credential declares that uploads may be signed without their body. */
  readonly unsignedPayload: boolean;
}

export type Resigned =
  /** `rest` is what of it the agent chose: all but signature, keys and times. */
  | { readonly kind: 'ready'; readonly request: HttpRequest; readonly rest: HttpRequest }
  /** `why` goes on from "the request cannot be signed: ". */
  | { readonly kind: 'refused'; readonly why: string };

type Readable = Extract<AgentSignature, { readonly kind: 'header' | 'query' }>;

/** Fields that may be written anew on the way, or that the gateway itself writes: signing them would break the signature. */
const NEVER_SIGNED: readonly string[] = [
  'authorization',
  'connection',
  'content-length',
  'expect',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-amzn-trace-id',
];

const HASH_FIELD = 'x-amz-content-sha256';

/** Whether the body must be there before the request can be signed. */
export function signingNeedsBody(request: HttpRequest, unsignedPayload: boolean): boolean {
  const signature = readSignature(request.rawQuery, request.fields);
  if (request.framing === 'none' || (signature.kind !== 'header' && signature.kind !== 'query')) {
    return false;
  }
  const [hash] = fieldValues(request.fields, HASH_FIELD);
  if (hash === undefined) {
    return !(signature.kind === 'query' && signature.scope.service === 's3');
  }
  return hash === UNSIGNED && !unsignedPayload;
}

/** Signs the request again with the keys of the credential. Total. */
export function resignRequest(request: HttpRequest, parts: ResignParts): Resigned {
  const signature = readSignature(request.rawQuery, request.fields);
  switch (signature.kind) {
    case 'none':
      return refused('it carries no AWS signature; sign it with any access key, which the gateway then replaces');
    case 'unreadable':
      return refused(signature.why);
    case 'header':
    case 'query': {
      const conflict =
        request.scheme === 'https' ? scopeConflict(request.host, signature.scope) : 'it does not go over TLS';
      if (conflict !== null) {
        return refused(conflict);
      }
      if (signature.scope.service === 's3express') {
        return refused('session keys of S3 Express cannot be replaced');
      }
      const hash = payloadHash(request, signature, parts);
      if (hash.kind === 'refused') {
        return hash;
      }
      return signature.kind === 'header'
        ? resignHeader(request, { signature, hash: hash.text, parts })
        : resignQuery(request, { signature, hash: hash.text, parts });
    }
  }
}

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why };
}

type PayloadHash =
  | { readonly kind: 'hash'; readonly text: string }
  | { readonly kind: 'refused'; readonly why: string };

const hashed = (text: string): PayloadHash => ({ kind: 'hash', text });

const DECLARE = 'write unsigned_payload = true on the aws_credential to allow that';

/** What stands for the body in the signature. The body itself wherever it can be had. */
function payloadHash(request: HttpRequest, signature: Readable, parts: ResignParts): PayloadHash {
  const [given, second] = fieldValues(request.fields, HASH_FIELD).map((value) => value.trim());
  if (second !== undefined) {
    return refused(`it has ${HASH_FIELD} twice`);
  }
  const bodyless = request.framing === 'none';
  if (given === undefined) {
    return signature.kind === 'query' && signature.scope.service === 's3'
      ? unsignedHash(bodyless, parts)
      : bodyHash(bodyless, parts);
  }
  if (/^[0-9a-f]{64}$/i.test(given)) {
    return hashed(given.toLowerCase());
  }
  if (given === UNSIGNED) {
    if (parts.unsignedPayload || signature.kind === 'query') {
      return unsignedHash(bodyless, parts);
    }
    const hash = bodyHash(bodyless, parts);
    return hash.kind === 'hash' ? hash : refused(`its body is not signed and too long to be hashed here; ${DECLARE}`);
  }
  if (given === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    return parts.unsignedPayload ? hashed(given) : refused(`its body is not signed; ${DECLARE}`);
  }
  return refused(
    `its body is signed piece by piece (${given.slice(0, 64)}), and those signatures cannot be made again; have the client sign the body as a whole`,
  );
}

function unsignedHash(bodyless: boolean, { unsignedPayload }: ResignParts): PayloadHash {
  return bodyless || unsignedPayload ? hashed(UNSIGNED) : refused(`its body is not signed; ${DECLARE}`);
}

function bodyHash(bodyless: boolean, { body }: ResignParts): PayloadHash {
  if (bodyless) {
    return hashed(EMPTY_HASH);
  }
  return body.kind === 'whole'
    ? hashed(createHash('sha256').update(body.bytes).digest('hex'))
    : refused('its body is too long to be hashed here, and the request brings no hash of it');
}

interface Signing {
  readonly signature: Readable;
  readonly hash: string;
  readonly parts: ResignParts;
}

function resignHeader(request: HttpRequest, { signature, hash, parts }: Signing): Resigned {
  const { keys, nowMs } = parts;
  const time = amzTime(nowMs);
  const scope: AwsScope = { ...signature.scope, date: time.slice(0, 8) };
  const kept = without(request.fields, ['authorization', 'x-amz-date', 'x-amz-security-token']);
  const fields = [
    ...kept.map((field) => (field.name.toLowerCase() === HASH_FIELD ? { ...field, value: hash } : field)),
    { name: 'X-Amz-Date', value: time },
    ...(keys.sessionToken === null ? [] : [{ name: 'X-Amz-Security-Token', value: keys.sessionToken }]),
  ];
  const signable = [...fields, { name: 'Host', value: hostValue(request) }];
  const signedHeaders = headersToSign(signable, signature.signedHeaders);
  const hex = signRequest(
    { ...request, fields: signable, signedHeaders, payloadHash: hash },
    { scope, time, secretAccessKey: keys.secretAccessKey },
  );
  const authorization = `${ALGORITHM} Credential=${keys.accessKeyId}/${scopeText(scope)}, SignedHeaders=${signedHeaders.join(';')}, Signature=${hex}`;
  return {
    kind: 'ready',
    request: { ...request, fields: [...fields, { name: 'Authorization', value: authorization }] },
    rest: { ...request, fields: kept },
  };
}

/** A presigned URL keeps its time and its expiry: how long it holds is the agent's word, and is judged. */
function resignQuery(request: HttpRequest, { signature, hash, parts }: Signing): Resigned {
  const { keys } = parts;
  const fields = without(request.fields, ['authorization', 'x-amz-security-token']);
  const time = queryPairs(request.rawQuery).find(([name]) => name === 'X-Amz-Date')?.[1] ?? '';
  if (!/^\d{8}T\d{6}Z$/.test(time) || !time.startsWith(signature.scope.date)) {
    return refused('its presigned query has no time, or one that is not of the day it names');
  }
  const signable = [...fields, { name: 'Host', value: hostValue(request) }];
  const signedHeaders = headersToSign(signable, signature.signedHeaders);
  const replaced: Readonly<Record<string, string>> = {
    'X-Amz-Credential': `${keys.accessKeyId}/${scopeText(signature.scope)}`,
    'X-Amz-SignedHeaders': signedHeaders.join(';'),
    ...(keys.sessionToken === null ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
  };
  const pairs = (request.rawQuery ?? '').split('&').filter((pair) => {
    const name = queryPairs(pair)[0]?.[0] ?? '';
    return !Object.hasOwn(replaced, name) && !['X-Amz-Signature', 'X-Amz-Security-Token'].includes(name);
  });
  const written = Object.entries(replaced).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const rawQuery = [...pairs, ...written].filter((pair) => pair !== '').join('&');
  const rest = { ...request, rawQuery: pairs.join('&'), fields };
  const hex = signRequest(
    { ...request, rawQuery, fields: signable, signedHeaders, payloadHash: hash },
    { scope: signature.scope, time, secretAccessKey: keys.secretAccessKey },
  );
  return { kind: 'ready', request: { ...request, rawQuery: `${rawQuery}&X-Amz-Signature=${hex}`, fields }, rest };
}

/** The host, all of AWS's own fields, and what the agent signed, as far as it is there and stays as it is. */
function headersToSign(fields: readonly Field[], asked: readonly string[]): readonly string[] {
  const present = new Set(fields.map(({ name }) => name.toLowerCase()));
  const own = [...present].filter((name) => name === 'host' || name.startsWith('x-amz-'));
  return [...new Set([...own, ...asked])]
    .filter((name) => present.has(name) && !NEVER_SIGNED.includes(name))
    .toSorted();
}

function without(fields: readonly Field[], names: readonly string[]): readonly Field[] {
  return fields.filter(({ name }) => !names.includes(name.toLowerCase()));
}

/** What goes out as Host: the port only where it is not the scheme's own. */
function hostValue({ host, port, scheme }: HttpRequest): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`;
}

/** How long one EKS token is handed out. The cluster takes it for 15 minutes from its time on; it is renewed well before 80 % of that. */
const EKS_TOKEN_MS = 10 * 60_000;

/**
 * The bearer token of an EKS cluster: a presigned GetCallerIdentity of STS that names the cluster (aws-iam-authenticator, "API
 * authorization from outside a cluster"). The same within ten minutes, so that the cluster can remember what STS said of it.
 */
export function eksToken(
  keys: AwsKeys,
  { clusterName, region, nowMs }: { readonly clusterName: string; readonly region: string; readonly nowMs: number },
): string {
  const time = amzTime(Math.floor(nowMs / EKS_TOKEN_MS) * EKS_TOKEN_MS);
  const scope: AwsScope = { date: time.slice(0, 8), region, service: 'sts' };
  const host = region.startsWith('cn-') ? `sts.${region}.amazonaws.com.cn` : `sts.${region}.amazonaws.com`;
  const query = [
    ['Action', 'GetCallerIdentity'],
    ['Version', '2011-06-15'],
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${keys.accessKeyId}/${scopeText(scope)}`],
    ['X-Amz-Date', time],
    ['X-Amz-Expires', '60'],
    ['X-Amz-SignedHeaders', 'host;x-k8s-aws-id'],
    ...(keys.sessionToken === null ? [] : [['X-Amz-Security-Token', keys.sessionToken]]),
  ];
  const rawQuery = query.map(([name = '', value = '']) => `${name}=${encodeURIComponent(value)}`).join('&');
  const signature = signRequest(
    {
      method: 'GET',
      rawPath: '/',
      rawQuery,
      fields: [
        { name: 'host', value: host },
        { name: 'x-k8s-aws-id', value: clusterName },
      ],
      signedHeaders: ['host', 'x-k8s-aws-id'],
      payloadHash: EMPTY_HASH,
    },
    { scope, time, secretAccessKey: keys.secretAccessKey },
  );
  const url = `https://${host}/?${rawQuery}&X-Amz-Signature=${signature}`;
  return `k8s-aws-v1.${Buffer.from(url, 'utf8').toString('base64url')}`;
}
