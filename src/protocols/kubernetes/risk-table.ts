// Risk tiers of the Kubernetes API as data: verbs by class of resource (fact reference, 7.8). Cells that are not a tier name a
// special case of risk.ts. What is in no row is class `other`.
import type { Risk } from '../../rules/action.ts';

/** Cases in which the tier hangs on more than verb and resource. */
export type SpecialCase =
  | 'pod-create'
  | 'pod-change'
  | 'pod-delete'
  | 'workload-change'
  | 'scale'
  | 'job-change'
  | 'eviction'
  | 'exec'
  | 'configmap-write'
  | 'service-create'
  | 'claim-change'
  | 'node-change'
  | 'other-read';

export type Cell = Risk | SpecialCase;

export interface RiskRow {
  /** For the sentence behind a tier. */
  readonly class: string;
  /** Code of the tier when it is not safe. */
  readonly cause: string;
  /** `*`: every group that no other row names. */
  readonly groups: readonly string[];
  /** Plurals, or plural/subresource; `*` for all of the groups. */
  readonly resources: readonly string[];
  /** get, list, watch. */
  readonly reads: Cell;
  readonly create: Cell;
  /** update, patch. */
  readonly change: Cell;
  readonly delete: Cell;
  readonly deletecollection: Cell;
  readonly connect: Cell;
  /** A dry run does not lower it: the answer holds what must not be read, or it happens all the same. */
  readonly dryRunCounts?: true;
}

type Cells = readonly [reads: Cell, create: Cell, change: Cell, remove: Cell, removeAll: Cell];

const D = 'destructive';
const S = 'suspicious';

function row(what: readonly [string, string], groups: string, resources: string, cells: Cells): RiskRow {
  const [reads, create, change, remove, removeAll] = cells;
  return {
    class: what[0],
    cause: what[1],
    groups: groups.split(' ').map((group) => (group === 'core' ? '' : group)),
    resources: resources.split(' '),
    reads,
    create,
    change,
    delete: remove,
    deletecollection: removeAll,
    connect: D,
  };
}

/** Rows in the order of the reference; of two that fit the first counts. */
export const RISK_ROWS: readonly RiskRow[] = [
  row(
    ['self reviews', 'write'],
    'authorization.k8s.io authentication.k8s.io',
    'selfsubjectaccessreviews selfsubjectrulesreviews selfsubjectreviews',
    ['safe', 'safe', D, D, D],
  ),
  row(
    ['reviews of others', 'review'],
    'authorization.k8s.io authentication.k8s.io',
    'subjectaccessreviews localsubjectaccessreviews tokenreviews',
    ['safe', S, D, D, D],
  ),
  row(['events', 'write'], 'core events.k8s.io', 'events', ['safe', S, S, D, D]),
  row(['leases', 'lease'], 'coordination.k8s.io', 'leases leasecandidates', ['safe', S, D, D, D]),
  row(['component statuses', 'write'], 'core', 'componentstatuses', ['safe', S, S, D, D]),
  row(['metrics', 'write'], 'metrics.k8s.io', '*', ['safe', S, S, D, D]),
  row(['pods', 'runs_code'], 'core', 'pods pods/log', ['safe', 'pod-create', 'pod-change', 'pod-delete', D]),
  row(['pod status', 'write'], 'core', 'pods/status', ['safe', D, D, D, D]),
  row(['evictions', 'eviction'], 'core', 'pods/eviction', [D, 'eviction', D, D, D]),
  row(['resizes', 'write'], 'core', 'pods/resize', ['safe', D, S, D, D]),
  { ...row(['commands', 'exec'], 'core', 'pods/exec', [D, D, D, D, D]), connect: 'exec' },
  row(
    ['connections', 'exec'],
    'core',
    'pods/attach pods/portforward pods/proxy services/proxy nodes/proxy nodes/log pods/ephemeralcontainers',
    [D, D, D, D, D],
  ),
  row(['bindings', 'runs_code'], 'core', 'pods/binding bindings', [D, D, D, D, D]),
  row(
    ['scales', 'scale'],
    'apps core',
    'deployments/scale statefulsets/scale replicasets/scale replicationcontrollers/scale',
    ['safe', D, 'scale', D, D],
  ),
  row(
    ['workloads', 'runs_code'],
    'apps core',
    'deployments statefulsets daemonsets replicasets replicationcontrollers controllerrevisions podtemplates',
    ['safe', D, 'workload-change', D, D],
  ),
  row(['jobs', 'runs_code'], 'batch', 'jobs cronjobs', ['safe', D, 'job-change', D, D]),
  { ...row(['secrets', 'secret'], 'core', 'secrets', [D, D, D, D, D]), dryRunCounts: true },
  row(['config maps', 'write'], 'core', 'configmaps', ['safe', 'configmap-write', 'configmap-write', D, D]),
  { ...row(['tokens', 'identity'], 'core', 'serviceaccounts/token', [D, D, D, D, D]), dryRunCounts: true },
  row(['service accounts', 'identity'], 'core', 'serviceaccounts', ['safe', D, D, D, D]),
  row(
    ['certificates', 'identity'],
    'certificates.k8s.io',
    'certificatesigningrequests certificatesigningrequests/approval clustertrustbundles',
    ['safe', D, D, D, D],
  ),
  row(
    ['access rights', 'privilege'],
    'rbac.authorization.k8s.io',
    'roles rolebindings clusterroles clusterrolebindings',
    ['safe', D, D, D, D],
  ),
  row(
    ['networking', 'network'],
    'core networking.k8s.io discovery.k8s.io gateway.networking.k8s.io extensions',
    'services endpoints endpointslices ingresses ingressclasses gateways gatewayclasses httproutes networkpolicies ipaddresses servicecidrs',
    ['safe', 'service-create', D, D, D],
  ),
  row(
    ['quotas and scaling policies', 'write'],
    'autoscaling policy core scheduling.k8s.io node.k8s.io',
    'horizontalpodautoscalers poddisruptionbudgets limitranges resourcequotas priorityclasses runtimeclasses',
    ['safe', S, D, D, D],
  ),
  row(['volume claims', 'storage'], 'core', 'persistentvolumeclaims', ['safe', S, 'claim-change', D, D]),
  row(['volume snapshots', 'storage'], 'snapshot.storage.k8s.io', 'volumesnapshots', ['safe', S, D, D, D]),
  row(
    ['storage', 'storage'],
    'core storage.k8s.io snapshot.storage.k8s.io',
    'persistentvolumes storageclasses csidrivers csinodes csistoragecapacities volumeattachments volumeattributesclasses volumesnapshotclasses volumesnapshotcontents',
    ['safe', D, D, D, D],
  ),
  row(['devices', 'storage'], 'resource.k8s.io', 'resourceclaims resourceclaimtemplates resourceslices deviceclasses', [
    'safe',
    D,
    D,
    D,
    D,
  ]),
  row(['nodes', 'node'], 'core', 'nodes', ['safe', D, 'node-change', D, D]),
  row(['namespaces', 'namespace'], 'core', 'namespaces namespaces/finalize', ['safe', S, D, D, D]),
  row(
    ['extensions of the API', 'extension'],
    'apiextensions.k8s.io apiregistration.k8s.io admissionregistration.k8s.io flowcontrol.apiserver.k8s.io',
    'customresourcedefinitions apiservices validatingwebhookconfigurations mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings mutatingadmissionpolicies mutatingadmissionpolicybindings flowschemas prioritylevelconfigurations',
    ['safe', D, D, D, D],
  ),
  row(['other resources', 'unknown_resource'], '*', '*', ['other-read', D, D, D, D]),
];

/** Resources of the built-in groups that have no namespace. */
export const CLUSTER_SCOPED: ReadonlySet<string> = new Set(
  [
    'namespaces nodes persistentvolumes componentstatuses priorityclasses runtimeclasses storageclasses csidrivers csinodes',
    'volumeattachments volumeattributesclasses clusterroles clusterrolebindings certificatesigningrequests clustertrustbundles',
    'customresourcedefinitions apiservices validatingwebhookconfigurations mutatingwebhookconfigurations validatingadmissionpolicies',
    'validatingadmissionpolicybindings mutatingadmissionpolicies mutatingadmissionpolicybindings flowschemas prioritylevelconfigurations',
    'ingressclasses gatewayclasses ipaddresses servicecidrs selfsubjectaccessreviews selfsubjectrulesreviews selfsubjectreviews',
    'subjectaccessreviews tokenreviews volumesnapshotclasses volumesnapshotcontents resourceslices deviceclasses',
  ]
    .join(' ')
    .split(' '),
);

/** Groups that the API server itself serves: what it says about dry runs holds for them. */
export const BUILT_IN_GROUPS: ReadonlySet<string> = new Set([
  '',
  'apps',
  'batch',
  'autoscaling',
  'policy',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);

/** The row of a resource: exact with its subresource, then (for `status`) that of the resource, then `other`. */
export function rowOf(group: string, resource: string, subresource: string): RiskRow {
  const exact = subresource === '' ? resource : `${resource}/${subresource}`;
  return find(group, exact) ?? (subresource === 'status' ? find(group, resource) : undefined) ?? OTHER;
}

function find(group: string, resource: string): RiskRow | undefined {
  return RISK_ROWS.find(
    ({ groups, resources }) => groups.includes(group) && (resources.includes(resource) || resources.includes('*')),
  );
}

const OTHER = row(['other resources', 'unknown_resource'], '*', '*', ['other-read', D, D, D, D]);
