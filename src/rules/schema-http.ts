// Facts of family `http` (fact reference, section 4). Family `k8s` has all of them too.
import type { FactDefinition } from './fact-schema.ts';
import { BOOL, DYN, INT, STRING, STRINGS, STRINGS_MAP, facts, listOf, record } from './schema-parts.ts';

const request = facts('shape', 'agent');
const endpoint = facts('shape', 'operators');
const connection = facts('connection', 'agent');
const injected = facts('connection', 'gateway');

const FILE = record({ field: STRING, filename: STRING, content_type: STRING, size: INT });
const GIT_REF = record({ ref: STRING, old: STRING, new: STRING, kind: STRING });

const ACTION_CLASSES = 'none|read|write|delete|admin|secret|exec|unknown';

const REQUEST_FACTS: readonly FactDefinition[] = [
  request.open('http.method', STRING, 'request method, lower case'),
  request.plain('http.path', STRING, 'path, percent-decoded once; known only when canonical'),
  request.plain('http.query', STRINGS_MAP, 'query pairs, decoded once'),
  request.plain('http.headers', STRINGS_MAP, 'header fields by canonical name; literal keys are canonicalised at load'),
  request.plain('http.body', STRING, 'body of any method, content codings removed; "" when absent'),
  request.plain('http.body_json', DYN, 'body as one JSON value; {} when empty'),
  request.plain('http.raw_path', STRING, 'path exactly as forwarded'),
  request.plain('http.raw_query', STRING, 'query exactly as forwarded'),
  request.plain('http.segments', STRINGS, 'path split at / first, each segment decoded once'),
  endpoint.plain('http.host', STRING, 'host, lower case, A-label'),
  endpoint.plain('http.port', INT, 'port dialled upstream'),
  endpoint.closed('http.scheme', STRING, 'http|https', 'scheme towards the upstream'),
  connection.closed('http.version', STRING, '1.0|1.1|2', "version on the agent's side"),
  request.closed('http.kind', STRING, 'request|ws_message', 'a request, or one WebSocket message'),
  request.plain('http.content_type', STRING, 'media type, lower case, without parameters'),
  request.plain('http.content_encoding', STRINGS, 'content codings as sent'),
  request.plain('http.body_size', INT, 'bytes of the body as sent; the largest int while unknown'),
  request.plain('http.body_sha256', STRING, 'SHA-256 of the body as sent'),
  request.plain('http.form', STRINGS_MAP, 'urlencoded fields, or text parts of multipart'),
  request.plain('http.files', listOf(FILE), 'file parts of multipart'),
  request.open('http.upgrade', STRING, 'requested upgrade: none, websocket, spdy/3.1'),
  request.open('http.effective_method', STRING, 'what an upstream that honours method overrides would run'),
  request.plain('http.message', STRING, 'payload of a ws_message'),
  request.plain('http.message_json', DYN, 'payload of a ws_message as JSON'),
  request.plain('http.action', STRING, 'provider action, for example gcp:compute.instances.delete'),
  request.closed('http.action_class', STRING, ACTION_CLASSES, 'class of that action'),
  injected.plain('http.has_credential', BOOL, 'whether the gateway will inject a credential'),
];

const RPC_FACTS: readonly FactDefinition[] = [
  request.closed('graphql.type', STRING, 'none|query|mutation|subscription', 'type of the operation that will run'),
  request.plain('graphql.name', STRING, 'operation name'),
  request.plain('graphql.operations', INT, 'operations in the document'),
  request.plain('graphql.fields', STRINGS, 'top-level fields of the operation, aliases removed, fragments expanded'),
  request.plain('graphql.paths', STRINGS, 'every selected field as dotted path, to depth 8'),
  request.plain('graphql.variables', DYN, 'variables of the operation'),
  request.plain('rpc.methods', STRINGS, 'JSON-RPC method of every member'),
  request.plain('rpc.batch', INT, 'members of the batch; 0 for a single object'),
  request.plain('mcp.method', STRING, 'MCP method, for example tools/call'),
  request.plain('mcp.tool', STRING, 'name of the tool in tools/call'),
  request.plain('mcp.arguments', DYN, 'arguments of tools/call'),
  request.plain('mcp.uri', STRING, 'uri of resource calls'),
  request.plain('mcp.prompt', STRING, 'name in prompts/get'),
  request.closed('mcp.direction', STRING, 'client|server', 'who sent the message'),
  connection.plain('mcp.session', STRING, 'hash of the MCP session id'),
];

const PROVIDER_FACTS: readonly FactDefinition[] = [
  request.plain('gcp.service', STRING, 'Google Cloud service'),
  request.plain('gcp.method', STRING, "id in the service's discovery document"),
  request.plain('gcp.version', STRING, 'API version'),
  request.plain('gcp.known', BOOL, 'a template of the discovery document matched'),
  request.plain('gcp.project', STRING, 'project of the path'),
  request.plain('gcp.location', STRING, 'zone, region, location, or global'),
  request.plain('gcp.name', STRING, 'last id of the path'),
  request.plain('gcp.resource', STRING, 'full relative resource name'),
  request.plain('aws.service', STRING, 'AWS service'),
  request.plain('aws.region', STRING, 'AWS region'),
  request.plain('aws.action', STRING, 'action in IAM form, for example ec2:TerminateInstances'),
  request.plain('aws.resource', STRING, 'resource of the request'),
  request.plain('github.owner', STRING, 'owner of the repository'),
  request.plain('github.repo', STRING, 'repository'),
  request.plain('github.action', STRING, 'operation id, for example pulls/merge'),
  request.closed('git.operation', STRING, 'none|fetch|push|archive|lfs', 'what a git client asks for'),
  request.plain('git.repo', STRING, 'repository path'),
  request.plain('git.refs', listOf(GIT_REF), 'refs of a push: ref, old, new, kind (create, update, delete)'),
  request.plain('git.options', STRINGS, 'push options and certificates'),
];

export const HTTP_FACTS: readonly FactDefinition[] = [...REQUEST_FACTS, ...RPC_FACTS, ...PROVIDER_FACTS];
/** Git over SSH fills these as well. */
export const GIT_FACTS: readonly FactDefinition[] = PROVIDER_FACTS.filter(({ name }) => name.startsWith('git.'));
