// The tier of one Kubernetes request: the table of risk-table.ts and its special cases. Deterministic; the live object is never
// looked at, so what hangs on it is taken for the worse.
import type { FactValue, Risk } from '../../rules/action.ts';
import type { EndpointOptions } from './options.ts';
import type { ApiBody } from './body.ts';
import { isList, isObject, textAt, valueAt } from './json.ts';
import type { JsonObject } from './json.ts';
import { rowOf } from './risk-table.ts';
import type { Cell, RiskRow, SpecialCase } from './risk-table.ts';
import type { Target } from './request.ts';
import { specialRight } from './workload.ts';

export interface Tier {
  readonly risk: Risk;
  readonly causes: readonly string[];
  /** The sentence that says why; "" for safe. */
  readonly reason: string;
}

export interface RiskInput {
  readonly target: Target;
  readonly body: ApiBody;
  /** As the request asks for it; `none` without. */
  readonly upgrade: string;
  /** Facts of the same request, for the cases that hang on them. */
  readonly fact: (name: string) => FactValue | undefined;
  readonly options: EndpointOptions;
  /** Whether what an exec starts only reads. */
  readonly isReading: () => boolean;
}

const SAFE: Tier = { risk: 'safe', causes: [], reason: '' };

/** A case that was looked at: its tier, and why. */
interface Judged {
  readonly risk: Risk;
  readonly why: string;
}

const destructive = (why: string): Judged => ({ risk: 'destructive', why });
const suspicious = (why: string): Judged => ({ risk: 'suspicious', why });

export function tierOf(input: RiskInput): Tier {
  const { target } = input;
  if (target.verb === 'meta') {
    return SAFE;
  }
  const row = rowOf(target.group, target.resource, target.subresource);
  const judged = withUpgrade(input, dryRun(input, row, judge(input, cellOf(row, target))));
  if (judged.risk === 'safe') {
    return SAFE;
  }
  const opaque = input.body.kind === 'unknown' && judged.risk === 'destructive';
  return {
    risk: judged.risk,
    causes: [row.cause, ...(opaque ? ['opaque'] : [])],
    reason: `${target.verb} on ${row.class}: ${judged.why}`,
  };
}

function cellOf(row: RiskRow, { verb }: Target): Cell {
  switch (verb) {
    case 'meta':
      return 'safe';
    case 'get':
    case 'list':
    case 'watch':
      return row.reads;
    case 'create':
      return row.create;
    case 'update':
    case 'patch':
      return row.change;
    case 'delete':
      return row.delete;
    case 'deletecollection':
      return row.deletecollection;
    case 'connect':
      return row.connect;
  }
}

function judge(input: RiskInput, cell: Cell): Judged {
  if (cell === 'safe') {
    return { risk: 'safe', why: '' };
  }
  if (cell === 'suspicious') {
    return suspicious('bounded');
  }
  return cell === 'destructive' ? destructive(destructiveWhy(input.target)) : SPECIAL[cell](input);
}

function destructiveWhy({ verb, resource, group }: Target): string {
  if (resource === 'secrets' && group === '') {
    return 'values leave the cluster, or change';
  }
  if (verb === 'connect') {
    return 'a shell, or a way to arbitrary services';
  }
  return verb === 'delete' || verb === 'deletecollection'
    ? 'what is deleted is gone'
    : 'changes what runs, who may do what, or where traffic goes';
}

/** What the server will surely not persist is suspicious at most, unless its answer alone does harm. */
function dryRun({ target, fact }: RiskInput, row: RiskRow, judged: Judged): Judged {
  const counts = row.dryRunCounts === true || target.verb === 'connect';
  return judged.risk === 'destructive' && !counts && fact('k8s.dry_run') === true
    ? suspicious('a dry run changes nothing')
    : judged;
}

/** A stream that is none of the API's own (connect, watch, log) can carry anything. */
function withUpgrade({ target, upgrade }: RiskInput, judged: Judged): Judged {
  const known = target.verb === 'watch' || target.verb === 'connect' || target.subresource === 'log';
  return known || upgrade === 'none' ? judged : destructive('an upgraded stream carries anything');
}

const SPECIAL: Readonly<Record<SpecialCase, (input: RiskInput) => Judged>> = {
  'pod-create': (input) =>
    isAdmitted(input)
      ? suspicious("within the endpoint's workloads")
      : destructive("runs code that the endpoint's workloads do not cover"),
  'pod-change': (input) =>
    onlySets(input, isPodAnnotation) || (onlySets(input, isPodImage) && imagesKnown(input))
      ? suspicious('labels, annotations or a known image only')
      : destructive('changes more than labels, annotations or a known image'),
  // Whether the pod has a controller that replaces it is not in the request.
  'pod-delete': () => destructive('whether something replaces the pod is not known'),
  'workload-change': (input) =>
    onlySets(input, isRestart)
      ? suspicious('a rollout restart')
      : onlySets(input, isTemplateImage)
        ? suspicious('images only')
        : destructive('changes more than images and the restart annotation'),
  // Below half of the current value, or up: the current value is not in the request.
  exec: ({ fact, isReading }) =>
    fact('k8s.stdin') === false && fact('k8s.tty') === false && isReading()
      ? suspicious('a command that only reads, without input or terminal')
      : destructive('a shell, or a command that does more than read'),
  scale: () => destructive('the current number of replicas is not known'),
  'job-change': (input) =>
    onlySets(input, (path) => same(path, ['spec', 'suspend']))
      ? suspicious('suspends or resumes only')
      : destructive('changes more than suspend'),
  eviction: ({ fact }) => {
    const grace = fact('k8s.grace_period');
    return typeof grace === 'bigint' && grace !== 0n
      ? suspicious('one pod, by way of its budget')
      : destructive('a forced kill');
  },
  'configmap-write': (input) => (isProtected(input) ? destructive('a protected config map') : suspicious('bounded')),
  'service-create': (input) => (exposes(input) ? destructive('opens a way from or to outside') : suspicious('bounded')),
  'claim-change': (input) =>
    // The server refuses to shrink a claim.
    onlySets(input, (path) => same(path, ['spec', 'resources', 'requests', 'storage']))
      ? suspicious('grows the claim')
      : destructive('changes more than the size'),
  'node-change': (input) =>
    onlySets(input, (path) => same(path, ['spec', 'unschedulable']))
      ? suspicious('cordon or uncordon')
      : destructive('changes more than unschedulable'),
  'other-read': ({ target, options }) =>
    options.harmlessGroups.has(target.group)
      ? { risk: 'safe', why: '' }
      : suspicious('custom resources may hold secrets'),
};

function same(path: readonly string[], want: readonly string[]): boolean {
  return path.length === want.length && path.every((part, index) => part === want[index]);
}

type PathTest = (path: readonly string[]) => boolean;

/** A PATCH that sets something, and nothing but leaves that pass; a removal counts as setting. */
function onlySets({ target, body, fact }: RiskInput, passes: PathTest): boolean {
  if (target.verb !== 'patch') {
    return false;
  }
  if (body.kind === 'steps') {
    const steps = body.steps.filter(({ op }) => op !== 'test');
    // An object or list as a value replaces all that was there, also what it does not name.
    return (
      steps.length > 0 &&
      steps.every(
        ({ op, path, value }) => op !== 'move' && op !== 'copy' && !isObject(value) && !isList(value) && passes(path),
      )
    );
  }
  const mergeKeys = fact('k8s.patch_type') === 'strategic';
  // An apply owns what it says, and gives up what it owned before and says no more: the patch alone does not tell what changes.
  if (body.kind !== 'object' || fact('k8s.patch_type') === 'apply') {
    return false;
  }
  const leaves = leavesOf(body.object, []).filter((path) => !isAddress(path, mergeKeys));
  return leaves.length > 0 && leaves.every(passes);
}

const ADDRESSES: readonly (readonly string[])[] = [
  ['apiVersion'],
  ['kind'],
  ['metadata', 'name'],
  ['metadata', 'namespace'],
];

/** Leaves that only say which object or, where lists are merged by name, which element is meant. */
function isAddress(path: readonly string[], mergeKeys: boolean): boolean {
  if (ADDRESSES.some((address) => same(path, address))) {
    return true;
  }
  const [list = '', index = '', key] = path.slice(-3);
  return mergeKeys && key === 'name' && INDEX.test(index) && CONTAINER_LISTS.has(list.replace('$setElementOrder/', ''));
}

const INDEX = /^\d+$/;
const CONTAINER_LISTS: ReadonlySet<string> = new Set(['containers', 'initContainers']);

/** Paths of all leaves below a value; an empty object, list or null is a leaf itself. */
function leavesOf(value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(value)
    ? value.map((item, index): [string, unknown] => [String(index), item])
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
      : [];
  return entries.length === 0 ? [path] : entries.flatMap(([key, item]) => leavesOf(item, [...path, key]));
}

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

function isRestart(path: readonly string[]): boolean {
  return same(path, ['spec', 'template', 'metadata', 'annotations', RESTARTED_AT]);
}

function isImageBelow(prefix: readonly string[]): PathTest {
  return (path) => {
    const [list = '', index = '', key] = path.slice(prefix.length);
    return (
      path.length === prefix.length + 3 &&
      same(path.slice(0, prefix.length), prefix) &&
      CONTAINER_LISTS.has(list) &&
      INDEX.test(index) &&
      key === 'image'
    );
  };
}

const isTemplateImage = isImageBelow(['spec', 'template', 'spec']);
const isPodImage = isImageBelow(['spec']);

const isPodAnnotation: PathTest = ([first, second, ...rest]) =>
  first === 'metadata' && (second === 'labels' || second === 'annotations') && rest.length === 1;

function imagesKnown({ fact, options }: RiskInput): boolean {
  const images = fact('k8s.images');
  return Array.isArray(images) && images.length > 0 && images.every((image) => options.isKnownImage(String(image)));
}

/** By the name in the path, or, where it is made, by that in the body; a name that cannot be told may be a protected one. */
function isProtected({ target, body, options }: RiskInput): boolean {
  const { protectedConfigmaps } = options;
  if (target.namespace === 'kube-system') {
    return true;
  }
  if (target.verb !== 'create') {
    return protectedConfigmaps.some((pattern) => pattern.matches(target.name));
  }
  if (body.kind !== 'object') {
    return protectedConfigmaps.length > 0;
  }
  const name = textAt(body.object, 'metadata', 'name');
  // The server puts a random ending to it.
  const begin = textAt(body.object, 'metadata', 'generateName');
  return protectedConfigmaps.some((pattern) => (name === '' ? pattern.mayBegin(begin) : pattern.matches(name)));
}

/** Everything about a new pod is within what the endpoint's `workloads` allows. */
function isAdmitted(input: RiskInput): boolean {
  const { fact, options, body, target } = input;
  const names = (name: string): readonly string[] | null => {
    const value = fact(name);
    return Array.isArray(value) ? value.map(String) : null;
  };
  const none = (name: string): boolean => names(name)?.length === 0;
  return (
    body.kind === 'object' &&
    specialRight(body.object['spec']) === null &&
    imagesKnown(input) &&
    options.isWorkloadNamespace(target.namespace) &&
    fact('k8s.privileged') === false &&
    none('k8s.host_path') &&
    none('k8s.host_namespaces') &&
    none('k8s.capabilities') &&
    (names('k8s.service_account') ?? ['?']).every((name) => options.serviceAccounts.has(name)) &&
    (names('k8s.secret_refs') ?? ['?']).every((name) => options.secrets.has(name))
  );
}

/** A Service that is reached from outside, or that leads there. */
function exposes({ target, body }: RiskInput): boolean {
  if (target.resource !== 'services') {
    return body.kind !== 'object';
  }
  const spec: JsonObject | null = body.kind === 'object' && isObject(body.object['spec']) ? body.object['spec'] : null;
  if (spec === null) {
    return true;
  }
  const { type, externalIPs } = spec;
  const inside = type === undefined || type === '' || type === 'ClusterIP';
  return !inside || (isList(externalIPs) && externalIPs.length > 0) || valueAt(spec, 'externalName') !== undefined;
}
