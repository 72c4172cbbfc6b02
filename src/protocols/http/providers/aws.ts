// AWS: the action that a call is, in the form of IAM (`ec2:TerminateInstances`). Where the name stands depends on the service: in a form or
// query (Action), in a header (X-Amz-Target), in the path, or in method and path together (fact reference, 4.3).
import { Unknown } from '../../../rules/action.ts';
import type { FactRecord, UnknownCause } from '../../../rules/action.ts';
import { decodePercent } from '../../../lib/percent.ts';
import { parseAwsHost, scopeConflict } from '../aws-host.ts';
import type { AwsHost } from '../aws-host.ts';
import { contentOf } from '../body.ts';
import { possibleValues, readQuery } from '../query.ts';
import { fieldValues } from '../request.ts';
import type { BodyReading, HttpRequest } from '../request.ts';
import { readSignature } from '../sigv4.ts';
import type { CanonicalTarget } from '../target.ts';
import { ADMINISTERS, DELETES, READS, readingOf, REVEALS, RUNS, unknownCall, WRITES } from './action-class.ts';
import type { Judged } from './action-class.ts';
import { nameS3Call } from './aws-s3.ts';
import { AWS_REST } from './data/aws.ts';
import type { Provider, ProviderReading } from './provider.ts';
import { createTemplates, readGroups } from './templates.ts';
import type { Templates } from './templates.ts';

export const aws: Provider = {
  needsBody(request) {
    const host = parseAwsHost(request.host);
    if (host === null || request.method !== 'POST' || request.framing === 'none') {
      return false;
    }
    const target = fieldValues(request.fields, 'x-amz-target')[0];
    return mayBeForm(host, request) || (target !== undefined && /\.GetParameter\w*$/.test(target));
  },
  read(request, body, canonical) {
    const host = parseAwsHost(request.host);
    return host === null ? null : readCall(host, request, { body, canonical });
  },
};

/** What names a call: known, not to be known, or said in two ways. */
type Naming =
  | { readonly kind: 'named'; readonly name: string; readonly resource?: string }
  | { readonly kind: 'nameless'; readonly resource?: string }
  | { readonly kind: 'unknown'; readonly cause: UnknownCause }
  | { readonly kind: 'refused'; readonly why: string };

interface Parts {
  readonly body: BodyReading;
  readonly canonical: CanonicalTarget;
}

function readCall(host: AwsHost, request: HttpRequest, parts: Parts): ProviderReading {
  const signature = readSignature(request.rawQuery, request.fields);
  const scope = signature.kind === 'header' || signature.kind === 'query' ? signature.scope : null;
  const service = scope?.service ?? host.services[0] ?? '';
  const facts: FactRecord = {
    'aws.service': service,
    'aws.region': host.region ?? scope?.region ?? '',
  };
  const conflict = scope === null ? null : scopeConflict(request.host, scope);
  const why = signature.kind === 'unreadable' ? signature.why : conflict;
  const naming: Naming = why === null ? nameCall(host, request, parts) : { kind: 'refused', why };
  switch (naming.kind) {
    case 'refused': {
      const unknown = new Unknown('ambiguous');
      const reading = readingOf(unknown, { ...facts, 'aws.action': unknown }, unknownCall('POST'));
      return { ...reading, refused: naming.why };
    }
    case 'unknown': {
      const unknown = new Unknown(naming.cause);
      return readingOf(unknown, { ...facts, 'aws.action': unknown }, unknownCall('POST'));
    }
    case 'nameless':
      return readingOf(
        `aws:${service}`,
        { ...facts, 'aws.action': '', 'aws.resource': naming.resource ?? '' },
        unknownCall(request.method),
      );
    case 'named': {
      const action = `${IAM_PREFIXES[service] ?? service}:${naming.name}`;
      return readingOf(
        `aws:${action}`,
        { ...facts, 'aws.action': action, 'aws.resource': naming.resource ?? '' },
        judgeAction(action, request, parts.body),
      );
    }
  }
}

/** Services that policies call otherwise than signatures do. */
const IAM_PREFIXES: Readonly<Record<string, string>> = {
  awsssoportal: 'sso',
  iotdata: 'iot',
  monitoring: 'cloudwatch',
  tagging: 'tag',
};

/**
 * Whether the host may take the body for a form. A service that knows nothing but forms does so whatever else the request names; one that
 * knows JSON too is told by target and media type together; and one whose published model has JSON alone may still serve the forms that it
 * had before (SQS does).
 */
function mayBeForm(host: AwsHost, request: HttpRequest): boolean {
  if (isRestPath(host, request) || request.framing === 'none') {
    return false;
  }
  const { protocols } = host;
  const named = fieldValues(request.fields, 'x-amz-target').length > 0;
  const [type, second] = fieldValues(request.fields, 'content-type');
  if (protocols.length > 0 && protocols.every((protocol) => protocol === 'query')) {
    return true;
  }
  return protocols.length === 0 || protocols.includes('query')
    ? !named || second !== undefined || !/^application\/x-amz-json-1\.[01]$/i.test(type ?? '')
    : !named || second !== undefined || /^application\/x-www-form-urlencoded/i.test(type ?? '');
}

/** Hosts that serve a REST interface beside an older one: the older one has all its calls at `/`. */
function isRestPath({ protocols }: AwsHost, { rawPath }: HttpRequest): boolean {
  return protocols.includes('rest') && (protocols.length === 1 || rawPath !== '/');
}

const RPC_PATH = /^\/service\/[^/]+\/operation\/(\w+)$/;

function nameCall(host: AwsHost, request: HttpRequest, parts: Parts): Naming {
  if (isRestPath(host, request)) {
    return nameRest(host, request, parts.canonical);
  }
  const said: string[] = [];
  const targets = fieldValues(request.fields, 'x-amz-target');
  if (targets.length > 1) {
    return { kind: 'refused', why: 'it names two targets' };
  }
  said.push(...targets.map((target) => target.slice(target.lastIndexOf('.') + 1)));
  const { path } = parts.canonical;
  if (path instanceof Unknown) {
    return { kind: 'unknown', cause: path.cause };
  }
  const byPath = RPC_PATH.exec(path)?.[1];
  if (byPath !== undefined) {
    said.push(byPath);
  }
  for (const values of [parts.canonical.query, byPath === undefined ? formOf(host, request, parts.body) : null]) {
    if (values instanceof Unknown) {
      return { kind: 'unknown', cause: values.cause };
    }
    for (const [key, actions] of values ?? []) {
      if (key.toLowerCase() !== 'action') {
        continue;
      }
      if (key !== 'Action') {
        return { kind: 'refused', why: `it spells the parameter Action ${key}` };
      }
      said.push(...actions);
    }
  }
  const [name, second] = said;
  if (second !== undefined) {
    return { kind: 'refused', why: 'it names its action more than once' };
  }
  return name === undefined || !/^\w{1,128}$/.test(name) ? { kind: 'nameless' } : { kind: 'named', name };
}

/** Fields of the form in the body; null where the service takes none. */
function formOf(host: AwsHost, request: HttpRequest, body: BodyReading): CanonicalTarget['query'] | null {
  if (!mayBeForm(host, request)) {
    return null;
  }
  const { bytes, sent } = contentOf(request, body);
  if (bytes instanceof Unknown || sent instanceof Unknown) {
    return bytes instanceof Unknown ? bytes : new Unknown('ambiguous');
  }
  // A service that takes no coding off would find another action in the bytes as they came.
  const hidden = bytes === sent ? [] : possibleValues(sent.toString('latin1'), isActionKey);
  return hidden.length > 0 ? new Unknown('ambiguous') : readQuery(bytes.toString('latin1'));
}

function isActionKey(name: string): boolean {
  return (decodePercent(name, true) ?? name).toLowerCase() === 'action';
}

const tables = new Map<string, Templates>();
let groups: ReturnType<typeof readGroups> | null = null;

/** Read when first needed: a pure function of the table. */
function restTable(prefix: string): Templates | null {
  const known = tables.get(prefix);
  if (known !== undefined) {
    return known;
  }
  groups ??= readGroups(AWS_REST);
  const group = groups.get(prefix);
  if (group === undefined) {
    return null;
  }
  const made = createTemplates(group.rows, { verbAfter: '?' });
  tables.set(prefix, made);
  return made;
}

const S3_PREFIXES: readonly string[] = ['s3', 's3-accelerate', 's3-accesspoint', 's3-object-lambda', 's3-outposts'];

function nameRest({ prefix, before }: AwsHost, request: HttpRequest, canonical: CanonicalTarget): Naming {
  if (S3_PREFIXES.includes(prefix)) {
    const { name, resource } = nameS3Call(request, before);
    return name === null ? { kind: 'nameless', resource } : { kind: 'named', name, resource };
  }
  const { segments, query } = canonical;
  if (segments instanceof Unknown) {
    return { kind: 'unknown', cause: segments.cause };
  }
  if (query instanceof Unknown) {
    return { kind: 'unknown', cause: query.cause };
  }
  const table = restTable(prefix);
  const path = segments.at(-1) === '' ? segments.slice(0, -1) : segments;
  const resource = path.join('/');
  // A call may be told apart by a parameter of the query: `?Operation=…`.
  const parameters = [...query].map(([key, [value = '']]) => (value === '' ? key : `${key}=${value}`));
  const found = [...parameters, '']
    .map((parameter) => table?.find(request.method, path, parameter)?.name)
    .find((name) => name !== undefined);
  return found === undefined
    ? { kind: 'nameless', resource }
    : { kind: 'named', name: found.split(',')[0] ?? '', resource };
}

/** The tiers of the fact reference, 7.9. */
function judgeAction(action: string, request: HttpRequest, body: BodyReading): Judged {
  const [service = '', name = ''] = action.split(':');
  if (service === 'sts') {
    return name === 'GetCallerIdentity' ? READS : REVEALS;
  }
  if (service === 'ssm' && name.startsWith('GetParameter')) {
    return judgeParameter(request, body);
  }
  if (SECRETS.test(action)) {
    return REVEALS;
  }
  if (RUNNING.test(action)) {
    return RUNS;
  }
  if (READING.test(name) || READS_BY_NAME.includes(action)) {
    return READS;
  }
  if (service === 'iam' || service === 'organizations' || ADMIN.test(action)) {
    return ADMINISTERS;
  }
  if (DELETING.test(name) || action.startsWith('kms:Schedule')) {
    return DELETES;
  }
  return WRITING.test(name) ? WRITES : unknownCall('POST');
}

const SECRETS =
  /^(?:secretsmanager:(?:Batch)?GetSecretValue|kms:(?:Decrypt|ReEncrypt|GenerateDataKey\w*|Sign|DeriveSharedSecret|GenerateMac)|ecr(?:-public)?:GetAuthorizationToken|codeartifact:GetAuthorizationToken|iam:CreateAccessKey|ec2:GetPasswordData|lambda:GetFunction|s3:CreateSession|sso:GetRoleCredentials|sso-oauth:CreateToken\w*|eks-auth:\w+|cognito-identity:Get(?:Credentials|OpenIdToken)\w*|redshift(?:-serverless)?:Get(?:ClusterCredentials\w*|Credentials)|rds-data:\w+)$/;
const RUNNING =
  /^(?:ssm:(?:SendCommand|StartSession|StartAutomationExecution)|lambda:(?:Invoke\w*|UpdateFunctionCode)|ecs:ExecuteCommand|states:StartSyncExecution)$/;
const READING = /^(?:Describe|Get|List|Head|BatchGet|Lookup|Search|Select)/;
const READS_BY_NAME: readonly string[] = [
  'dynamodb:Query',
  'dynamodb:Scan',
  'dynamodb:TransactGetItems',
  'logs:FilterLogEvents',
];
const DELETING = /^(?:Delete|Terminate|Purge|Detach|Deregister|Disable|Revoke|Authorize|BatchDelete)/;
const WRITING =
  /^(?:Create|Put|Start|Stop|Reboot|Tag|Update|Modify|CompleteMultipartUpload|UploadPart|AbortMultipartUpload|CopyObject)/;
const ADMIN =
  /^s3:(?:(?:Put|Delete)(?:Bucket|Object|AccessPoint\w*)?(?:Policy|Acl)|(?:Put|Delete)PublicAccessBlock)$|^\w[\w-]*:(?:Put\w*Policy|Add\w*Permission|Set\w*Policy)$/;

/** A secret parameter comes in the clear only where that is asked for. */
function judgeParameter(request: HttpRequest, body: BodyReading): Judged {
  const { json } = contentOf(request, body);
  if (typeof json !== 'object' || json === null || json instanceof Unknown) {
    return REVEALS;
  }
  const asked = Object.entries(json).filter(([name]) => name.toLowerCase() === 'withdecryption');
  return asked.every(([name, value]) => name === 'WithDecryption' && value === false) ? READS : REVEALS;
}
