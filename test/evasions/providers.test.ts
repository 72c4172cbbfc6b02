// What calls of Google Cloud, AWS, GitHub and git are named, and how bad they are: each way to say the same call gives the same name, and
// what cannot be read is never a harmless call (attack reference, 4.5). Each refused row has harmless twins beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointConfig } from '../../src/config/config.ts';
import { canonicalTarget } from '../../src/protocols/http/canonical.ts';
import type { RequestState } from '../../src/protocols/http/flavour.ts';
import { providers } from '../../src/protocols/http/providers/all.ts';
import { github } from '../../src/protocols/http/providers/github.ts';
import type { Provider, ProviderReading } from '../../src/protocols/http/providers/provider.ts';
import type { BodyReading, HttpRequest } from '../../src/protocols/http/request.ts';
import { Unknown } from '../../src/rules/action.ts';
import { requestOf } from '../protocols/http/parts.ts';
import { gzipSaying } from '../support/http.ts';
import { makeEndpoint } from '../support/rule-parts.ts';

const ENDPOINT: EndpointConfig = { ...makeEndpoint('http', 'risk'), attributes: { free_refs: ['refs/heads/agent/*'] } };
const STATE: RequestState = { config: ENDPOINT, hasCredential: true };

interface Sent {
  readonly body?: string | Buffer | BodyReading;
  readonly fields?: readonly string[];
}

/** The first provider that knows the request, as the facts ask them. */
function read(
  target: string,
  { body, fields = [] }: Sent = {},
): { readonly by: Provider; readonly reading: ProviderReading } {
  const reading: BodyReading =
    body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      ? { kind: 'whole', bytes: Buffer.from(body ?? '') }
      : body;
  const sized = reading.kind === 'whole' ? reading.bytes.length : 1;
  const request: HttpRequest = requestOf(target, {
    fields,
    framing: sized === 0 ? 'none' : 'length',
    contentLength: sized === 0 ? null : sized,
  });
  for (const by of providers) {
    const canonical = canonicalTarget(request, STATE);
    const wanted = by.needsBody(request, canonical) ? reading : ({ kind: 'unread' } as const);
    const found = by.read(request, wanted, canonical, STATE);
    if (found !== null) {
      return { by, reading: found };
    }
  }
  return assert.fail(`no provider knows ${target}`);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** What a reading comes to, as one text: action, class, tier; `refused` and `opaque` where it is. */
function told(reading: ProviderReading): string {
  const action = reading.facts['http.action'];
  const name = action instanceof Unknown ? `unknown(${action.cause})` : textOf(action);
  const end = reading.refused !== null ? ' refused' : reading.opaque === true ? ' opaque' : '';
  return `${name} ${textOf(reading.facts['http.action_class'])} ${reading.risk}${end}`;
}

function check(rows: readonly (readonly [target: string, want: string, sent?: Sent])[]): void {
  for (const [target, want, sent] of rows) {
    assert.equal(told(read(target, sent).reading), want, target);
  }
}

const COMPUTE = 'https://compute.googleapis.com/compute/v1/projects/p/zones/z';

test('MP-37: the pieces of an upload are the call that began it', () => {
  const storage = 'https://storage.googleapis.com';
  const inserts = 'gcp:storage.objects.insert write suspicious';
  check([
    [`POST ${storage}/upload/storage/v1/b/B/o?uploadType=resumable&name=x`, inserts],
    [`PUT ${storage}/upload/storage/v1/b/B/o?uploadType=resumable&upload_id=Z`, inserts],
    [`PUT ${storage}/resumable/upload/storage/v1/b/B/o?upload_id=Z`, inserts],
    [
      'PUT https://bigquery.googleapis.com/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=Z',
      'gcp:bigquery.jobs.insert exec destructive',
    ],
    // Not without an id, not elsewhere, and nothing but the pieces.
    [`PUT ${storage}/upload/storage/v1/b/B/o?uploadType=resumable`, 'gcp:storage.b.o.put unknown destructive'],
    [`PUT ${storage}/upload/storage/v1/b/B/o?upload_id=`, 'gcp:storage.b.o.put unknown destructive'],
    [`PUT ${storage}/upload/storage/v1/b/B/o?upload_id=Y&upload_id=Z`, 'gcp:storage.b.o.put unknown destructive'],
    [`PUT ${storage}/storage/v1/b/B/o?upload_id=Z`, 'gcp:storage.b.o.put unknown destructive'],
    [`DELETE ${storage}/upload/storage/v1/b/B/o?upload_id=Z`, 'gcp:storage.b.o.delete unknown destructive'],
    [`PUT ${storage}/storage/v1/b/B/o/x?upload_id=Z`, 'gcp:storage.objects.update write suspicious'],
  ]);
});

test('PV-04, PV-06, HT-56: a call of Google Cloud has the id of its discovery document, wherever it is sent', () => {
  const gone = 'gcp:compute.instances.delete delete destructive';
  const kept = 'gcp:compute.instances.get read safe';
  check([
    [`DELETE ${COMPUTE}/instances/i`, gone],
    [`DELETE ${COMPUTE}/instances/i/`, gone],
    ['DELETE https://compute.mtls.googleapis.com/compute/v1/projects/p/zones/z/instances/i', gone],
    ['DELETE https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i', gone],
    ['DELETE https://compute.googleapis.com/compute/beta/projects/p/zones/z/instances/i', gone],
    ['DELETE https://content-compute.googleapis.com/compute/v1/projects/p/zones/z/instances/i', gone],
    ['DELETE https://compute-psc1.p.googleapis.com/compute/v1/projects/p/zones/z/instances/i', gone],
    ['GET https://compute-psc1.p.googleapis.com/compute/v1/projects/p/zones/z/instances/i', kept],
    ['DELETE https://compute.googleapis.com/compute/alpha/projects/p/zones/z/instances/i', gone],
    ['DELETE https://compute.us-east1.rep.googleapis.com/compute/v1/projects/p/zones/z/instances/i', gone],
    [`DELETE ${COMPUTE}/instances/i?alt=json&$fields=id`, gone],
    [`DELETE ${COMPUTE}/instances/..%2fi`, 'unknown(ambiguous) unknown destructive'],
    [`GET ${COMPUTE}/instances/i?$httpHeaders=X-HTTP-Method-Override:DELETE`, `${kept} refused`],
    [`GET ${COMPUTE}/instances/i?%24httpheaders=Authorization:x`, `${kept} refused`],
    [`GET ${COMPUTE}/instances/i?httpHeaders=x`, kept],
    [`GET ${COMPUTE}/instances/i`, kept],
    [`HEAD ${COMPUTE}/instances/i`, kept],
    [`GET ${COMPUTE}/instances`, 'gcp:compute.instances.list read safe'],
    [
      'GET https://compute.googleapis.com/compute/v1/projects/p/aggregated/instances',
      'gcp:compute.instances.aggregatedList read safe',
    ],
    [`POST ${COMPUTE}/operations/o/wait`, 'gcp:compute.zoneOperations.wait read safe'],
    [`POST ${COMPUTE}/instances/i/stop`, 'gcp:compute.instances.stop write suspicious'],
    [`POST ${COMPUTE}/instances`, 'gcp:compute.instances.insert write suspicious'],
    [`POST ${COMPUTE}/instances/i/setMetadata`, 'gcp:compute.instances.setMetadata admin destructive'],
    [`POST ${COMPUTE}/instances/i/notACall`, 'gcp:compute.projects.zones.instances.notACall.post unknown destructive'],
    [`GET ${COMPUTE}/notAThing`, 'gcp:compute.projects.zones.notAThing.get unknown suspicious'],
    ['GET https://compute.googleapis.com/storage/v1/b/x', 'gcp:compute.get unknown suspicious'],
    [
      'DELETE https://europe-west1-run.googleapis.com/v2/projects/p/locations/l/services/s',
      'gcp:run.projects.locations.services.delete delete destructive',
    ],
    [
      'DELETE https://europe-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/p/services/s',
      'gcp:run.namespaces.services.delete delete destructive',
    ],
    [
      'DELETE https://sqladmin.googleapis.com/sql/v1beta4/projects/p/instances/i',
      'gcp:sql.instances.delete delete destructive',
    ],
    ['DELETE https://sqladmin.googleapis.com/v1/projects/p/instances/i', 'gcp:sql.instances.delete delete destructive'],
    [
      'DELETE https://cloudresourcemanager.googleapis.com/v3/projects/p',
      'gcp:cloudresourcemanager.projects.delete delete destructive',
    ],
    [
      'DELETE https://cloudresourcemanager.googleapis.com/v1/projects/p',
      'gcp:cloudresourcemanager.projects.delete delete destructive',
    ],
    [
      'POST https://cloudresourcemanager.googleapis.com/v3/projects/p:setIamPolicy',
      'gcp:cloudresourcemanager.projects.setIamPolicy admin destructive',
    ],
    [
      'POST https://cloudresourcemanager.googleapis.com/v3/projects/p:getIamPolicy',
      'gcp:cloudresourcemanager.projects.getIamPolicy read safe',
    ],
    [
      'POST https://cloudresourcemanager.googleapis.com/v3/projects/p:somethingNew',
      'gcp:cloudresourcemanager.projects.somethingNew unknown destructive',
    ],
    [
      'GET https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/1:access',
      'gcp:secretmanager.projects.secrets.versions.access secret destructive',
    ],
    [
      'GET https://secretmanager.googleapis.com/v1/projects/p/secrets/s',
      'gcp:secretmanager.projects.secrets.get read safe',
    ],
    [
      'GET https://secretmanager.googleapis.com/v1/projects/p/secrets/s:new',
      'gcp:secretmanager.projects.secrets.new unknown suspicious',
    ],
    [
      'POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken',
      'gcp:iamcredentials.projects.serviceAccounts.generateAccessToken secret destructive',
    ],
    [
      'POST https://iam.googleapis.com/v1/projects/p/serviceAccounts/a/keys',
      'gcp:iam.projects.serviceAccounts.keys.create secret destructive',
    ],
    [
      'POST https://iam.googleapis.com/v1/projects/p/serviceAccounts/a:signJwt',
      'gcp:iam.projects.serviceAccounts.signJwt secret destructive',
    ],
    [
      'POST https://serviceusage.googleapis.com/v1/projects/p/services/s:disable',
      'gcp:serviceusage.services.disable admin destructive',
    ],
    ['POST https://logging.googleapis.com/v2/entries:list', 'gcp:logging.entries.list read safe'],
    ['GET https://storage.googleapis.com/storage/v1/b/x/o/a%2Fb?alt=media', 'gcp:storage.objects.get read safe'],
    [
      'DELETE https://storage.googleapis.com/storage/v1/b/x/o/a%2F..%2Fb',
      'gcp:storage.objects.delete delete destructive',
    ],
    [
      'POST https://storage.googleapis.com/upload/storage/v1/b/x/o?uploadType=media&name=k',
      'gcp:storage.objects.insert write suspicious',
      { body: 'x' },
    ],
    ['PUT https://storage.googleapis.com/x/key', 'gcp:storage.put unknown destructive'],
    ['POST https://unheard.googleapis.com/v1/things', 'gcp:unheard.things.post unknown destructive'],
  ]);
});

test('facts of a call of Google Cloud', () => {
  const { facts } = read(`POST ${COMPUTE}/instances/i/stop`).reading;
  assert.deepEqual(
    ['service', 'version', 'method', 'known', 'project', 'location', 'name', 'resource'].map(
      (name) => facts[`gcp.${name}`],
    ),
    ['compute', 'v1', 'compute.instances.stop', true, 'p', 'z', 'i', 'projects/p/zones/z/instances/i'],
  );
  const policy = read('POST https://cloudresourcemanager.googleapis.com/v3/projects/p:setIamPolicy').reading.facts;
  assert.equal(policy['gcp.project'], 'p');
  assert.equal(policy['gcp.name'], 'p');
});

test('PV-07: a query of BigQuery is a program, unless it surely does not run', () => {
  const jobs = 'POST https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs';
  const queries = 'POST https://bigquery.googleapis.com/bigquery/v2/projects/p/queries';
  const runs = 'gcp:bigquery.jobs.query exec destructive';
  check([
    [
      jobs,
      'gcp:bigquery.jobs.insert exec destructive',
      { body: '{"configuration":{"query":{"query":"delete from t where true"}}}' },
    ],
    [
      jobs,
      'gcp:bigquery.jobs.insert read safe',
      { body: '{"configuration":{"dryRun":true,"query":{"query":"select 1"}}}' },
    ],
    [jobs, 'gcp:bigquery.jobs.insert exec destructive', { body: '{"dryRun":true,"configuration":{"query":{}}}' }],
    [queries, 'gcp:bigquery.jobs.query read safe', { body: '{"query":"select 1","dryRun":true}' }],
    [queries, runs, { body: '{"query":"select 1","dryRun":true,"dryRun":false}' }],
    [queries, runs, { body: '{"query":"select 1","dryRun":true,"dry_run":false}' }],
    [queries, runs, { body: '{"query":"select 1","dryRun":"true"}' }],
    [queries, runs, { body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from('{"dryRun":true') } }],
    [queries, runs, { body: '{"query":"select 1","dryRun":true}', fields: ['Content-Encoding: unheard'] }],
  ]);
});

const part = (request: string, head = 'Content-Type: application/http'): string => `--B\n${head}\n\n${request}\n\n`;
const batch = (...parts: string[]): Sent => ({
  body: `${parts.join('')}--B--\n`,
  fields: ['Content-Type: multipart/mixed; boundary="B"'],
});
const BATCH = 'POST https://compute.googleapis.com/batch/compute/v1';
const ONE = 'DELETE /compute/v1/projects/p/zones/z/instances/i?alt=json HTTP/1.1\nAccept: */*\n';

test('each part of a batch is a request of its own', () => {
  for (const sent of [
    batch(part(ONE), part(ONE.replace('/i?', '/j?'))),
    { ...batch(part(ONE)), body: Buffer.from(batch(part(ONE)).body as string) },
  ]) {
    const { parts = [], opaque } = read(BATCH, sent).reading;
    assert.equal(opaque, undefined);
    for (const { request } of parts) {
      assert.equal(request.method, 'DELETE');
      assert.match(request.rawPath, /^\/compute\/v1\/projects\/p\/zones\/z\/instances\/[ij]$/);
      assert.equal(request.rawQuery, 'alt=json');
      assert.equal(request.host, 'compute.googleapis.com');
    }
  }
  const crlf = batch(
    part(ONE),
    part('POST /compute/v1/x HTTP/1.1\nContent-Type: application/json\nContent-Length: 2\n\n{}'),
  );
  const { parts = [] } = read(BATCH, { ...crlf, body: (crlf.body as string).replaceAll('\n', '\r\n') }).reading;
  assert.deepEqual(
    parts.map(({ body }) => (body.kind === 'whole' ? body.bytes.toString() : null)),
    ['', '{}'],
  );
});

test('a batch of which one part could be read otherwise is opaque', () => {
  const opaque = 'gcp:batch unknown destructive opaque';
  const json = 'Content-Type: application/http';
  check([
    [BATCH, 'gcp:batch read safe', batch(part(ONE))],
    [BATCH, opaque, batch(part(ONE), part(ONE, `${json}\nContent-Transfer-Encoding: base64`))],
    [BATCH, 'gcp:batch read safe', batch(part(ONE, `${json}\nContent-Transfer-Encoding: binary`))],
    [BATCH, opaque, batch(part(ONE, 'Content-Type: multipart/mixed; boundary=C'))],
    [BATCH, opaque, batch(part(ONE, 'Content-Type: text/plain'))],
    [BATCH, opaque, batch(part(ONE, 'X-None: 1'))],
    [BATCH, opaque, batch(part(ONE.replace('DELETE /', 'DELETE https://storage.googleapis.com/')))],
    [BATCH, 'gcp:batch read safe', batch(part(ONE.replace('DELETE /', 'DELETE https://compute.googleapis.com/')))],
    [BATCH, opaque, batch(part(ONE.replace('HTTP/1.1', 'HTTP/1.0')))],
    [BATCH, opaque, batch(part(ONE.replace(' HTTP/1.1', '')))],
    [BATCH, opaque, batch(part(`${ONE}Host: storage.googleapis.com\n`))],
    [BATCH, opaque, batch(part(`${ONE}Transfer-Encoding: chunked\n`))],
    [BATCH, opaque, batch(part(`${ONE}Content-Length: 9\n\n{}`))],
    [BATCH, opaque, batch(part(`${ONE} folded\n`))],
    [BATCH, opaque, batch(part(ONE.replace('/compute/', '//compute/')))],
    [BATCH, opaque, batch(part(ONE.replace('/compute/v1', '/batch/compute/v1')))],
    [BATCH, opaque, { ...batch(part(ONE)), body: part(ONE) }],
    [BATCH, opaque, { ...batch(part(ONE)), body: `${part(ONE)}--B--\ntrailing --B` }],
    [BATCH, opaque, { ...batch(part(ONE)), body: `${part(ONE)}--B--\r` }],
    [BATCH, opaque, { ...batch(part(ONE)), fields: ['Content-Type: multipart/mixed'] }],
    [BATCH, opaque, { ...batch(part(ONE)), fields: ['Content-Type: multipart/form-data; boundary=B'] }],
    [BATCH, opaque, { ...batch(), body: '--B--' }],
    [BATCH, opaque, { ...batch(part(ONE)), body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from('--B') } }],
  ]);
});

const EC2 = 'https://ec2.eu-west-1.amazonaws.com/';
const FORM = ['Content-Type: application/x-www-form-urlencoded; charset=utf-8'];
const signed = (scope: string): string =>
  `Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/${scope}/aws4_request, SignedHeaders=host, Signature=0`;
const JSON_11 = 'Content-Type: application/x-amz-json-1.1';

test('PV-10, HT-56: an action of AWS is named in the form of IAM, wherever its service writes it', () => {
  const gone = 'aws:ec2:TerminateInstances delete destructive';
  const form = (body: string): Sent => ({ body, fields: FORM });
  const gzipped = (comment: string): Sent => ({
    body: gzipSaying(comment, 'Action=DescribeInstances'),
    fields: [...FORM, 'Content-Encoding: gzip'],
  });
  check([
    [`POST ${EC2}`, gone, form('Action=TerminateInstances&InstanceId.1=i-1&Version=2016-11-15')],
    [`GET ${EC2}?Action=TerminateInstances&InstanceId.1=i-1`, gone],
    [`POST ${EC2}`, gone, { body: 'Action=TerminateInstances' }],
    [`POST ${EC2}`, gone, form('%41ction=%54erminateInstances')],
    [`POST ${EC2}`, 'unknown(ambiguous) unknown destructive refused', form('ACTION=TerminateInstances')],
    // A service that takes no coding off reads the bytes as they came.
    [`POST ${EC2}`, 'unknown(ambiguous) unknown destructive', gzipped('&%41ction=TerminateInstances&')],
    [`POST ${EC2}`, 'aws:ec2:DescribeInstances read safe', gzipped('&Faction=TerminateInstances&')],
    [
      `POST ${EC2}?Action=DescribeInstances`,
      'unknown(ambiguous) unknown destructive refused',
      form('Action=TerminateInstances'),
    ],
    [
      `POST ${EC2}?Action=TerminateInstances`,
      'unknown(ambiguous) unknown destructive refused',
      form('Action=TerminateInstances'),
    ],
    [
      `POST ${EC2}`,
      'unknown(ambiguous) unknown destructive refused',
      form('Action=DescribeInstances&action=TerminateInstances'),
    ],
    [
      `POST ${EC2}?Action=DescribeInstances`,
      'unknown(ambiguous) unknown destructive refused',
      { body: 'x', fields: ['X-Amz-Target: A.TerminateInstances'] },
    ],
    // A service of forms does not look at that header, whatever it names.
    [
      `POST ${EC2}`,
      'unknown(ambiguous) unknown destructive refused',
      { body: 'Action=TerminateInstances', fields: [...FORM, 'X-Amz-Target: A.DescribeInstances'] },
    ],
    [
      `POST ${EC2}`,
      'unknown(ambiguous) unknown destructive refused',
      { body: 'Action=TerminateInstances', fields: [JSON_11, 'X-Amz-Target: A.DescribeInstances'] },
    ],
    [
      'POST https://sqs.eu-west-1.amazonaws.com/',
      'unknown(ambiguous) unknown destructive refused',
      { body: 'Action=DeleteQueue', fields: [...FORM, 'X-Amz-Target: AmazonSQS.ListQueues'] },
    ],
    ['POST https://sqs.eu-west-1.amazonaws.com/', 'aws:sqs:DeleteQueue delete destructive', form('Action=DeleteQueue')],
    [
      'POST https://sqs.eu-west-1.amazonaws.com/1/queue',
      'aws:sqs:PurgeQueue delete destructive',
      { body: 'Action=PurgeQueue' },
    ],
    [
      'POST https://sqs.eu-west-1.amazonaws.com/',
      'aws:sqs:ListQueues read safe',
      { body: '{"x":";&Action=a%zz"}', fields: [JSON_11.replace('1.1', '1.0'), 'X-Amz-Target: AmazonSQS.ListQueues'] },
    ],
    ['POST https://api.ec2.eu-west-1.aws/', gone, form('Action=TerminateInstances')],
    [`POST ${EC2}`, 'unknown(ambiguous) unknown destructive', form('Action=Describe%zz')],
    [
      `POST ${EC2}`,
      'unknown(too_large) unknown destructive',
      { body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from('Action=DescribeInstances') }, fields: FORM },
    ],
    [`POST ${EC2}`, 'aws:ec2:DescribeInstances read safe', form('Action=DescribeInstances&Version=2016-11-15')],
    [`POST ${EC2}`, 'aws:ec2:RebootInstances write suspicious', form('Action=RebootInstances')],
    [
      `POST ${EC2}`,
      'aws:ec2:AuthorizeSecurityGroupIngress delete destructive',
      form('Action=AuthorizeSecurityGroupIngress'),
    ],
    [`POST ${EC2}`, 'aws:ec2:FrobnicateThings unknown destructive', form('Action=FrobnicateThings')],
    [`POST ${EC2}`, 'aws:ec2 unknown destructive', form('Version=2016-11-15')],
    [
      'POST https://sts.eu-west-1.amazonaws.com/',
      'aws:sts:GetCallerIdentity read safe',
      form('Action=GetCallerIdentity'),
    ],
    ['POST https://sts.eu-west-1.amazonaws.com/', 'aws:sts:AssumeRole secret destructive', form('Action=AssumeRole')],
    ['POST https://iam.amazonaws.com/', 'aws:iam:CreateAccessKey secret destructive', form('Action=CreateAccessKey')],
    ['POST https://iam.amazonaws.com/', 'aws:iam:AttachRolePolicy admin destructive', form('Action=AttachRolePolicy')],
    [
      'POST https://dynamodb.eu-west-1.amazonaws.com/',
      'aws:dynamodb:DeleteTable delete destructive',
      { body: '{}', fields: ['X-Amz-Target: DynamoDB_20120810.DeleteTable'] },
    ],
    [
      'POST https://dynamodb.eu-west-1.amazonaws.com/',
      'aws:dynamodb:DescribeTable read safe',
      { body: '{}', fields: ['X-Amz-Target: DynamoDB_20120810.DescribeTable'] },
    ],
    [
      'POST https://dynamodb.eu-west-1.amazonaws.com/',
      'aws:dynamodb:Unknown unknown destructive',
      { body: '{}', fields: ['X-Amz-Target: DynamoDB_20120810.Unknown'] },
    ],
    [
      'POST https://dynamodb.eu-west-1.amazonaws.com/',
      'unknown(ambiguous) unknown destructive refused',
      { body: '{}', fields: ['X-Amz-Target: D.DescribeTable', 'X-Amz-Target: D.DeleteTable'] },
    ],
    [
      'POST https://ssm.eu-west-1.amazonaws.com/',
      'aws:ssm:GetParameter read safe',
      { body: '{"Name":"x"}', fields: [JSON_11, 'X-Amz-Target: AmazonSSM.GetParameter'] },
    ],
    [
      'POST https://ssm.eu-west-1.amazonaws.com/',
      'aws:ssm:GetParameter secret destructive',
      { body: '{"Name":"x","WithDecryption":true}', fields: [JSON_11, 'X-Amz-Target: AmazonSSM.GetParameter'] },
    ],
    [
      'POST https://ssm.eu-west-1.amazonaws.com/',
      'aws:ssm:GetParameter secret destructive',
      { body: '{"Name":"x","With\\u0044ecryption":true}', fields: [JSON_11, 'X-Amz-Target: AmazonSSM.GetParameter'] },
    ],
    [
      'POST https://ssm.eu-west-1.amazonaws.com/',
      'aws:ssm:SendCommand exec destructive',
      { body: '{}', fields: [JSON_11, 'X-Amz-Target: AmazonSSM.SendCommand'] },
    ],
    [
      'POST https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/DeleteAlarms',
      'aws:cloudwatch:DeleteAlarms delete destructive',
      { body: 'x' },
    ],
    [
      'POST https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations',
      'aws:lambda:Invoke exec destructive',
      { body: '{}' },
    ],
    ['GET https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f', 'aws:lambda:GetFunction secret destructive'],
    ['GET https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/', 'aws:lambda:ListFunctions read safe'],
    ['DELETE https://eks.eu-west-1.amazonaws.com/clusters/prod', 'aws:eks:DeleteCluster delete destructive'],
    ['GET https://eks.eu-west-1.amazonaws.com/clusters/prod', 'aws:eks:DescribeCluster read safe'],
    ['POST https://eks.eu-west-1.amazonaws.com/not/a/call', 'aws:eks unknown destructive', { body: 'x' }],
    [
      'DELETE https://email.eu-west-1.amazonaws.com/v2/email/identities/x',
      'aws:ses:DeleteEmailIdentity delete destructive',
    ],
    [
      'POST https://email.eu-west-1.amazonaws.com/',
      'aws:ses:DeleteIdentity delete destructive',
      form('Action=DeleteIdentity'),
    ],
  ]);
});

test("HT-57: service and region of a signature are the host's, or the request is refused", () => {
  check([
    [
      `GET ${EC2}?Action=DescribeInstances`,
      'aws:ec2:DescribeInstances read safe',
      { fields: [signed('eu-west-1/ec2')] },
    ],
    [
      `GET ${EC2}?Action=DescribeInstances`,
      'unknown(ambiguous) unknown destructive refused',
      { fields: [signed('eu-west-1/s3')] },
    ],
    [
      `GET ${EC2}?Action=DescribeInstances`,
      'unknown(ambiguous) unknown destructive refused',
      { fields: [signed('us-east-1/ec2')] },
    ],
    [
      `GET ${EC2}?Action=DescribeInstances`,
      'unknown(ambiguous) unknown destructive refused',
      { fields: [signed('eu-west-1/ec2'), signed('eu-west-1/ec2')] },
    ],
  ]);
});

test('PV-09: calls of S3 are told apart by bucket or object and one parameter; keys are data', () => {
  const b = 'https://s3.eu-west-1.amazonaws.com/b';
  const v = 'https://b.s3.eu-west-1.amazonaws.com';
  const gone = 'aws:s3:DeleteObject delete destructive';
  check([
    [`DELETE ${b}/k`, gone],
    [`DELETE ${v}/k`, gone],
    ['DELETE https://b.with.dots.s3.amazonaws.com/k', gone],
    ['DELETE https://b.s3.dualstack.eu-west-1.amazonaws.com/k', gone],
    ['DELETE https://b.s3-accelerate.amazonaws.com/k', gone],
    ['DELETE https://ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k', gone],
    [`DELETE ${b}/a//b`, gone],
    [`DELETE ${b}/../x`, gone],
    [`DELETE ${b}/k?versionId=1`, gone],
    [`DELETE ${b}/k?x-id=DeleteObject`, gone],
    [`POST ${b}?delete`, 'aws:s3:DeleteObjects delete destructive', { body: '<Delete/>' }],
    [`DELETE ${b}`, 'aws:s3:DeleteBucket delete destructive'],
    [`DELETE ${b}/`, 'aws:s3:DeleteBucket delete destructive'],
    [`DELETE ${b}?policy`, 'aws:s3:DeleteBucketPolicy admin destructive'],
    [`PUT ${b}?policy`, 'aws:s3:PutBucketPolicy admin destructive', { body: '{}' }],
    [`PUT ${b}/k?acl`, 'aws:s3:PutObjectAcl admin destructive'],
    [`GET ${b}?acl&policy`, 'aws:s3 unknown suspicious'],
    [`PUT ${b}?ACL`, 'aws:s3 unknown destructive'],
    [`GET ${b}/k`, 'aws:s3:GetObject read safe'],
    [`HEAD ${v}/k`, 'aws:s3:HeadObject read safe'],
    [`GET ${b}?list-type=2&prefix=a`, 'aws:s3:ListObjectsV2 read safe'],
    [`GET ${b}?prefix=a`, 'aws:s3:ListObjects read safe'],
    ['GET https://s3.eu-west-1.amazonaws.com/', 'aws:s3:ListBuckets read safe'],
    [`GET ${b}?lifecycle`, 'aws:s3:GetBucketLifecycleConfiguration read safe'],
    [`GET ${b}?inventory`, 'aws:s3:ListBucketInventoryConfigurations read safe'],
    [`GET ${b}?inventory&id=1`, 'aws:s3:GetBucketInventoryConfiguration read safe'],
    [`PUT ${b}/k`, 'aws:s3:PutObject write suspicious', { body: 'x' }],
    [`PUT ${b}/k`, 'aws:s3:CopyObject write suspicious', { fields: ['x-amz-copy-source: /other/k'] }],
    [`PUT ${b}/k?partNumber=1&uploadId=u`, 'aws:s3:UploadPart write suspicious', { body: 'x' }],
    [`POST ${b}/k?uploads`, 'aws:s3:CreateMultipartUpload write suspicious'],
    [`POST ${b}/k?uploadId=u`, 'aws:s3:CompleteMultipartUpload write suspicious', { body: 'x' }],
    [`DELETE ${b}/k?uploadId=u`, 'aws:s3:AbortMultipartUpload write suspicious'],
    [`POST ${b}/k`, 'aws:s3 unknown destructive', { body: 'x' }],
  ]);
  assert.equal(read(`DELETE ${b}/a//b`).reading.facts['aws.resource'], 'b/a//b');
  assert.equal(read(`DELETE ${v}/a%2Fb`).reading.facts['aws.resource'], 'b/a/b');
});

test('PV-11: a call of GitHub has the operation id of the REST description', () => {
  const api = 'https://api.github.com';
  const gone = 'github:repos/delete admin destructive';
  check([
    [`DELETE ${api}/repos/o/r`, gone],
    [`DELETE ${api}/repos/o/r/`, gone],
    [`DELETE ${api}/repositories/123`, gone],
    ['DELETE https://github.example.com/api/v3/repos/o/r', gone],
    [`DELETE ${api}/repos/o/r%2f..`, 'unknown(ambiguous) unknown destructive'],
    [`GET ${api}/repos/o/r`, 'github:repos/get read safe'],
    [`GET ${api}/repos/o/r/contents/a/b.txt`, 'github:repos/get-content read safe'],
    [`PUT ${api}/repos/o/r/contents/a/b.txt`, 'github:repos/create-or-update-file-contents write destructive'],
    [`PATCH ${api}/repos/o/r/git/refs/heads/main`, 'github:git/update-ref write destructive'],
    [`DELETE ${api}/repos/o/r/git/refs/heads/main`, 'github:git/delete-ref write destructive'],
    [`PUT ${api}/repos/o/r/pulls/1/merge`, 'github:pulls/merge write destructive'],
    [`POST ${api}/repos/o/r/pulls`, 'github:pulls/create write suspicious'],
    [`POST ${api}/repos/o/r/issues/1/comments`, 'github:issues/create-comment write suspicious'],
    [`DELETE ${api}/repos/o/r/issues/1/labels/bug`, 'github:issues/remove-label write suspicious'],
    [`DELETE ${api}/repos/o/r/issues/comments/1`, 'github:issues/delete-comment delete destructive'],
    [
      `POST ${api}/repos/o/r/actions/workflows/w/dispatches`,
      'github:actions/create-workflow-dispatch exec destructive',
    ],
    [`PUT ${api}/repos/o/r/actions/secrets/S`, 'github:actions/create-or-update-repo-secret secret destructive'],
    [`GET ${api}/repos/o/r/actions/artifacts/1/zip`, 'github:actions/download-artifact secret destructive'],
    [`POST ${api}/repos/o/r/keys`, 'github:repos/create-deploy-key secret destructive'],
    [
      `POST ${api}/app/installations/1/access_tokens`,
      'github:apps/create-installation-access-token secret destructive',
    ],
    [`POST ${api}/repos/o/r/releases`, 'github:repos/create-release write destructive'],
    [`PUT ${api}/repos/o/r/collaborators/u`, 'github:repos/add-collaborator admin destructive'],
    [`PUT ${api}/repos/o/r/branches/main/protection`, 'github:repos/update-branch-protection admin destructive'],
    [`POST ${api}/repos/o/r/hooks`, 'github:repos/create-webhook admin destructive'],
    [`PATCH ${api}/orgs/o`, 'github:orgs/update admin destructive'],
    [`PATCH ${api}/repos/o/r/comments/1`, 'github:repos/update-commit-comment write suspicious'],
    [`PATCH ${api}/repos/o/r`, 'github:repos/update admin destructive'],
    [`POST ${api}/repos/o/r/transfer`, 'github:repos/transfer admin destructive'],
    [`POST ${api}/repos/o/r/not/a/call`, 'github:post unknown destructive'],
    [`GET ${api}/repos/o/r/not/a/call`, 'github:get unknown suspicious'],
  ]);
  const { facts } = read(`DELETE ${api}/repos/Acme/Prod`).reading;
  const own = 'https://ghes.corp';
  check([
    [`DELETE ${own}/api/v3/repos/o/r`, 'github:repos/delete admin destructive'],
    [`DELETE ${own}/api/%763/repos/o/r`, 'github:repos/delete admin destructive'],
    [`GET ${own}/api/v3/repos/o/r`, 'github:repos/get read safe'],
    [`DELETE ${own}/api//v3/repos/o/r`, 'unknown(ambiguous) unknown destructive'],
    [`DELETE ${own}/x/../api/v3/repos/o/r`, 'unknown(ambiguous) unknown destructive'],
    [`DELETE ${own}/%2561pi/v3/repos/o/r`, 'unknown(ambiguous) unknown destructive'],
  ]);
  assert.deepEqual([facts['github.owner'], facts['github.repo']], ['acme', 'prod']);
  assert.ok(read(`DELETE ${api}/repositories/123`).reading.facts['github.repo'] instanceof Unknown);
  assert.equal(
    github.read(
      requestOf('https://uploads.github.com/repos/o/r'),
      { kind: 'unread' },
      canonicalTarget(requestOf('https://uploads.github.com/repos/o/r'), STATE),
      STATE,
    ),
    null,
  );
});

test('mutations of GraphQL at GitHub are named by their fields', () => {
  const request = requestOf('POST https://api.github.com/graphql');
  const named = (type: 'query' | 'mutation', ...fields: string[]): readonly string[] | null =>
    github.readGraphql?.(request, { type, fields }, canonicalTarget(request, STATE))?.map(told) ?? null;
  assert.deepEqual(named('mutation', 'addComment', 'mergePullRequest', 'deleteRef', 'createRef', 'transferIssue'), [
    'github:graphql/addComment write suspicious',
    'github:graphql/mergePullRequest write destructive',
    'github:graphql/deleteRef delete destructive',
    'github:graphql/createRef write destructive',
    'github:graphql/transferIssue admin destructive',
  ]);
  assert.equal(named('query', 'repository'), null);
});

const ID = (digit: string): string => digit.repeat(40);
const ZERO = ID('0');
const pkt = (text: string): string => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`;
const push = (...commands: string[]): string =>
  `${commands.map((line, index) => pkt(index === 0 ? `${line}\0 report-status agent=git/2\n` : `${line}\n`)).join('')}0000PACK…`;
const REPO = 'https://git.example.com/team/app.git';

test('PV-12, PV-13: a push tells its refs before its pack, and the advertisement for a push is a push', () => {
  const at = `POST ${REPO}/git-receive-pack`;
  const main = `${ID('1')} ${ID('2')} refs/heads/main`;
  const free = `${ID('1')} ${ID('2')} refs/heads/agent/x`;
  check([
    [`GET ${REPO}/info/refs?service=git-upload-pack`, 'git:fetch read safe'],
    [`GET ${REPO}/info/refs`, 'git:fetch read safe'],
    [`POST ${REPO}/git-upload-pack`, 'git:fetch read safe', { body: 'x' }],
    [`GET ${REPO}/info/refs?service=git-receive-pack`, 'git:push write safe'],
    [
      `GET ${REPO}/info/refs?service=git-upload-pack&service=git-receive-pack`,
      'unknown(ambiguous) unknown destructive',
    ],
    [`GET ${REPO}/info/refs?service=GIT-RECEIVE-PACK`, 'unknown(ambiguous) unknown destructive'],
    [`POST ${REPO}/info/lfs/objects/batch`, 'git:lfs read safe', { body: '{}' }],
    [`PUT ${REPO}/info/lfs/objects/x`, 'git:lfs write suspicious', { body: 'x' }],
    // However the path is written: what a server of git decodes to is what counts.
    [`POST ${REPO}/git-receive%2dpack`, 'git:push write destructive', { body: push(main) }],
    [`POST ${REPO}/git-receive-pack/`, 'git:push write destructive', { body: push(main) }],
    [`PUT ${REPO}/git-receive-pack`, 'git:push write destructive', { body: push(main) }],
    [`GET ${REPO}/info/ref%73?service=git-receive-pack`, 'git:push write safe'],
    ...['git-receive-pack/.', 'git-receive-pack;a', 'git-receive%252dpack', 'x/..;/git-receive-pack/x/..'].map(
      (path) => [`POST ${REPO}/${path}`, 'unknown(ambiguous) unknown destructive', { body: push(main) }] as const,
    ),
    [at, 'git:push write destructive', { body: push(main) }],
    [at, 'git:push write suspicious', { body: push(free) }],
    [at, 'git:push write destructive', { body: push(free, main) }],
    [at, 'git:push write destructive', { body: push(`${ID('1')} ${ID('2')} refs/heads/agent`) }],
    [at, 'git:push delete destructive', { body: push(`${ID('1')} ${ZERO} refs/heads/agent/x`) }],
    [at, 'git:push write safe', { body: '0000' }],
    [at, 'git:push write suspicious', { body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from(push(free)) } }],
    [
      at,
      'git:push write destructive opaque',
      { body: { kind: 'cut', cause: 'too_large', bytes: Buffer.from(push(free).slice(0, 60)) } },
    ],
    [at, 'git:push write destructive opaque', { body: 'PACK' }],
    [at, 'git:push write destructive opaque', { body: `${pkt('nonsense\n')}0000` }],
    [at, 'git:push write destructive opaque', { body: push(free).replace('0000PACK', '') }],
    [at, 'git:push write destructive opaque', { body: push(free), fields: ['Content-Encoding: unheard'] }],
  ]);
  const { facts } = read(at, {
    body: push(main, `${ZERO} ${ID('3')} refs/tags/v1`, `${ID('4')} ${ZERO} refs/heads/old`),
  }).reading;
  assert.deepEqual(facts['git.refs'], [
    { ref: 'refs/heads/main', old: ID('1'), new: ID('2'), kind: 'update' },
    { ref: 'refs/tags/v1', old: ZERO, new: ID('3'), kind: 'create' },
    { ref: 'refs/heads/old', old: ID('4'), new: ZERO, kind: 'delete' },
  ]);
  assert.equal(facts['git.repo'], 'team/app');
});

test('options and certificates of a push are told', () => {
  const line = `${ID('1')} ${ID('2')} refs/heads/agent/x`;
  const options = `${pkt(`${line}\0 report-status push-options\n`)}0000${pkt('ci.skip\n')}${pkt('a=b')}0000PACK`;
  assert.deepEqual(read(`POST ${REPO}/git-receive-pack`, { body: options }).reading.facts['git.options'], [
    'ci.skip',
    'a=b',
  ]);
  const certificate = [
    'push-cert\0 report-status\n',
    'certificate version 0.1\n',
    'pusher a <a@b> 1 +0000\n',
    'nonce 1\n',
    '\n',
    `${line}\n`,
    '-----BEGIN PGP SIGNATURE-----\n',
    'abc\n',
    '-----END PGP SIGNATURE-----\n',
    'push-cert-end\n',
  ];
  const { facts } = read(`POST ${REPO}/git-receive-pack`, { body: `${certificate.map(pkt).join('')}0000PACK` }).reading;
  assert.deepEqual(facts['git.options'], ['push-cert']);
  assert.deepEqual(
    (facts['git.refs'] as readonly { readonly ref: string }[]).map(({ ref }) => ref),
    ['refs/heads/agent/x'],
  );
});

test('PV-12: a certificate in which git finds other commands than its lines say is not read', () => {
  const main = `${ZERO} ${ID('2')} refs/heads/main\n`;
  const head = ['certificate version 0.1\n', 'pusher a <a@b> 1 +0000\n'];
  const signature = ['-----BEGIN PGP SIGNATURE-----\n', 'abc\n', '-----END PGP SIGNATURE-----\n'];
  const refsOf = (...lines: readonly string[]): unknown => {
    const body = `${['push-cert\0 report-status\n', ...lines].map(pkt).join('')}0000PACK`;
    const { facts, opaque, risk } = read(`POST ${REPO}/git-receive-pack`, { body }).reading;
    const refs = facts['git.refs'];
    return refs instanceof Unknown
      ? [opaque, risk]
      : (refs as readonly { readonly ref: string }[]).map(({ ref }) => ref);
  };
  const end = 'push-cert-end\n';
  assert.deepEqual(refsOf(...head, '\n', main, ...signature, end), ['refs/heads/main']);
  assert.deepEqual(refsOf(...head, '\n', main, end), ['refs/heads/main']);
  const hidden: readonly (readonly string[])[] = [
    // The whole of it in one packet: git cuts it at its line ends.
    [`${head.join('')}\n${main}`, end],
    [...head, `\n${main}`, end],
    [...head, '\n', `x\n${main}`, end],
    // One command in two packets: git puts them together.
    [...head, '\n', main.slice(0, 20), main.slice(20), end],
    [...head, '\n', '-----BEGIN', ` x\n${main}`, end],
    [...head, '\n', 'push-cert-end', `\n${main}`, end],
    [...head, '\n', 'no command\n', end],
    [...head, '\n', 'shallow 12\n', end],
    [...head, '\n', `${main.slice(0, -1)}\0\n`, end],
    [...head, '\n', main],
  ];
  for (const lines of hidden) {
    assert.deepEqual(refsOf(...lines), [true, 'destructive'], JSON.stringify(lines));
  }
});
