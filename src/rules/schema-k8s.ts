// Facts of family `k8s` (fact reference, section 5.2); the http facts are added in schemas.ts.
import type { FactDefinition } from './fact-schema.ts';
import { BOOL, DYN, INT, STRING, STRINGS, STRINGS_MAP, STRING_MAP, facts, listOf } from './schema-parts.ts';
import { COMMAND } from './schema-ssh.ts';

/** Requests that the API server serves as connections: their verb is `connect`, whatever the method. */
export const CONNECT_RESOURCES: ReadonlySet<string> = new Set([
  'pods/exec',
  'pods/attach',
  'pods/portforward',
  'pods/proxy',
  'services/proxy',
  'nodes/proxy',
]);

const request = facts('shape', 'agent');

const VERBS = 'meta|get|list|watch|create|update|patch|delete|deletecollection|connect';

/** Words of kubectl that are not API verbs, and what asks for them. */
const HINTS: Readonly<Record<string, string>> = {
  evict: "k8s.verb == 'create' && k8s.resource == 'pods/eviction'",
  drain: "k8s.verb == 'create' && k8s.resource == 'pods/eviction'",
  cordon: "k8s.verb == 'patch' && k8s.resource == 'nodes'",
  uncordon: "k8s.verb == 'patch' && k8s.resource == 'nodes'",
  apply: "k8s.verb in ['create', 'patch']",
  edit: "k8s.verb == 'patch'",
  scale: "k8s.resource.endsWith('/scale')",
  exec: "k8s.verb == 'connect' && k8s.resource == 'pods/exec'",
  attach: "k8s.verb == 'connect' && k8s.resource == 'pods/attach'",
  'port-forward': "k8s.verb == 'connect' && k8s.resource == 'pods/portforward'",
  portforward: "k8s.verb == 'connect' && k8s.resource == 'pods/portforward'",
  proxy: "k8s.verb == 'connect' && k8s.resource.endsWith('/proxy')",
  log: "k8s.verb == 'get' && k8s.resource == 'pods/log'",
  logs: "k8s.verb == 'get' && k8s.resource == 'pods/log'",
};

export const K8S_FACTS: readonly FactDefinition[] = [
  {
    ...request.closed('k8s.verb', STRING, VERBS, "the API server's own reading of the request"),
    hints: HINTS,
  },
  request.plain('k8s.resource', STRING, 'resource or resource/subresource; "" for meta'),
  request.plain('k8s.namespace', STRING, '"" for cluster-scoped and all-namespace requests'),
  request.plain('k8s.name', STRING, '"" when the path names none'),
  request.plain('k8s.params', STRING_MAP, 'first value of each query parameter, booleans normalised'),
  request.plain('k8s.params_all', STRINGS_MAP, 'all values of each query parameter'),
  request.closed('k8s.api_verb', STRING, VERBS, "the authoriser's verb, before connect"),
  request.plain('k8s.group', STRING, 'API group; "" for core'),
  request.plain('k8s.version', STRING, 'API version'),
  request.plain('k8s.resource_type', STRING, 'resource without subresource'),
  request.plain('k8s.subresource', STRING, 'subresource, or ""'),
  request.plain('k8s.is_collection', BOOL, 'list, watch without a name, deletecollection'),
  request.plain('k8s.all_namespaces', BOOL, 'a namespaced resource addressed without a namespace'),
  request.plain('k8s.dry_run', BOOL, 'the server will surely not persist'),
  request.plain('k8s.field_selector', STRING, 'field selector, decoded'),
  request.plain('k8s.label_selector', STRING, 'label selector, decoded'),
  request.plain('k8s.field_manager', STRING, 'field manager of a server-side apply'),
  request.plain('k8s.force', BOOL, 'force of a server-side apply'),
  request.plain('k8s.grace_period', INT, 'grace period in seconds; -1 when not given'),
  request.closed('k8s.propagation', STRING, 'default|background|foreground|orphan', 'deletion propagation'),
  request.plain('k8s.command', STRINGS, 'argv of exec, in order; [] when not exec'),
  request.plain('k8s.commands', listOf(COMMAND), 'the exec command put through the shell model'),
  request.plain('k8s.container', STRING, 'container of exec, attach, log'),
  request.plain('k8s.stdin', BOOL, 'stdin of exec and attach'),
  request.plain('k8s.tty', BOOL, 'tty of exec and attach'),
  request.plain('k8s.ports', listOf(INT), 'ports of a port-forward'),
  request.plain('k8s.proxy_path', STRING, 'path behind …/proxy/, raw'),
  request.closed('k8s.patch_type', STRING, 'none|json|merge|strategic|apply', 'kind of a PATCH, by content type'),
  request.plain('k8s.changed', STRINGS, 'JSON pointers that a patch sets or removes; [""] for PUT'),
  request.plain('k8s.object', DYN, 'body as an object'),
  request.plain('k8s.kind', STRING, 'kind of the body'),
  request.plain('k8s.object_name', STRING, 'metadata.name of the body, or generateName and *'),
  request.plain('k8s.images', STRINGS, 'images of all containers in every pod template of the body'),
  request.plain('k8s.privileged', BOOL, 'a container may reach the host: privileged, escalation, strong capabilities'),
  request.plain('k8s.host_path', STRINGS, 'hostPath volumes'),
  request.closed('k8s.host_namespaces', STRINGS, 'network|pid|ipc|users', 'host namespaces asked for'),
  request.plain('k8s.capabilities', STRINGS, 'capabilities added'),
  request.plain('k8s.service_account', STRINGS, 'service accounts that pods of the body run as'),
  request.plain(
    'k8s.secret_refs',
    STRINGS,
    'Secrets that the body names, in any of the ways of the API: volumes, environment, image pulls, TLS, drivers of storage',
  ),
  request.plain('k8s.config_refs', STRINGS, 'ConfigMaps mounted or read into the environment'),
  request.plain('k8s.replicas', INT, 'replicas asked for; -1 when the body says none'),
  request.plain('k8s.labels', STRING_MAP, 'labels of the object'),
  request.plain('k8s.annotations', STRING_MAP, 'annotations of the object'),
  request.plain('k8s.rbac_verbs', STRINGS, 'verbs granted by a Role or ClusterRole'),
  request.plain('k8s.rbac_resources', STRINGS, 'resources granted by a Role or ClusterRole'),
  request.plain('k8s.role_ref', STRING, 'role that a binding refers to'),
  request.plain('k8s.subjects', STRINGS, 'subjects of a binding'),
  request.plain('k8s.webhook_urls', STRINGS, 'where webhooks, API services and conversions send to'),
];
