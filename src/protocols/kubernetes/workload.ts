// What pods would be allowed to do, found by structure: every container, volume and reference anywhere in the values that a body
// sets, so that templates of custom resources, items of lists and fragments of patches count too.
import { isList, isObject, textAt, valueAt } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';

export interface WorkloadFacts {
  readonly images: readonly string[];
  readonly privileged: boolean;
  readonly hostPath: readonly string[];
  readonly hostNamespaces: readonly string[];
  readonly capabilities: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly secretRefs: readonly string[];
  readonly configRefs: readonly string[];
}

const CONTAINER_LISTS: ReadonlySet<string> = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/** Capabilities that reach the host. */
const STRONG: ReadonlySet<string> = new Set([
  'ALL',
  'SYS_ADMIN',
  'SYS_PTRACE',
  'SYS_MODULE',
  'NET_ADMIN',
  'DAC_READ_SEARCH',
  'BPF',
]);

const HOST_NAMESPACES: Readonly<Record<string, string>> = {
  hostNetwork: 'network',
  hostPID: 'pid',
  hostIPC: 'ipc',
};

/**
 * Everything of `trees` that matters for what pods may do. `whole`: they are objects, not fragments of a patch, so that what they do
 * not say has its default.
 */
export function workloadFacts(trees: readonly JsonValue[], whole: boolean): WorkloadFacts {
  const finder = new Finder(whole);
  for (const tree of trees) {
    finder.walk(tree, '');
  }
  return {
    images: [...finder.images],
    privileged: finder.privileged,
    hostPath: [...finder.hostPath],
    hostNamespaces: [...finder.hostNamespaces],
    capabilities: [...finder.capabilities],
    serviceAccounts: [...finder.serviceAccounts],
    secretRefs: [...finder.secretRefs],
    configRefs: [...finder.configRefs],
  };
}

/** A flag that is set: whatever is not plainly off. The server would refuse anything but a boolean. */
function isOn(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== false;
}

class Finder {
  readonly images = new Set<string>();
  readonly hostPath = new Set<string>();
  readonly hostNamespaces = new Set<string>();
  readonly capabilities = new Set<string>();
  readonly serviceAccounts = new Set<string>();
  readonly secretRefs = new Set<string>();
  readonly configRefs = new Set<string>();
  privileged = false;
  readonly #whole: boolean;

  constructor(whole: boolean) {
    this.#whole = whole;
  }

  /** Depth is bounded by the readers of bodies. `key` is where the value stands. */
  walk(value: JsonValue, key: string): void {
    if (isList(value)) {
      for (const item of value) {
        if (CONTAINER_LISTS.has(key) && isObject(item)) {
          this.#container(item);
        }
        this.walk(item, key);
      }
    } else if (isObject(value)) {
      this.#object(value, key);
      for (const [inner, item] of Object.entries(value)) {
        // What another manager once owned says nothing of what is set now.
        if (inner !== 'managedFields') {
          this.walk(item, inner);
        }
      }
    }
  }

  #container(container: JsonObject): void {
    addText(this.images, container['image']);
  }

  #object(value: JsonObject, key: string): void {
    if (key === 'securityContext') {
      this.#securityContext(value);
    }
    for (const [flag, name] of Object.entries(HOST_NAMESPACES)) {
      if (isOn(value[flag])) {
        this.hostNamespaces.add(name);
      }
    }
    if (value['hostUsers'] === true) {
      this.hostNamespaces.add('users');
    }
    if (isOn(value['hostPort']) && value['hostPort'] !== 0) {
      this.hostNamespaces.add('network');
    }
    addText(this.hostPath, isObject(value['hostPath']) ? value['hostPath']['path'] : undefined);
    this.#accounts(value);
    this.#references(value);
  }

  #securityContext(context: JsonObject): void {
    const { capabilities, procMount } = context;
    const added = isObject(capabilities) && isList(capabilities['add']) ? capabilities['add'] : [];
    const names = added.map((name) => (typeof name === 'string' ? name.toUpperCase().replace(/^CAP_/, '') : 'ALL'));
    for (const name of names) {
      this.capabilities.add(name);
    }
    const windows = context['windowsOptions'];
    this.privileged ||=
      isOn(context['privileged']) ||
      isOn(context['allowPrivilegeEscalation']) ||
      (typeof procMount === 'string' && procMount.toLowerCase() === 'unmasked') ||
      (isObject(windows) && isOn(windows['hostProcess'])) ||
      names.some((name) => STRONG.has(name));
  }

  /** Whom the pods of this value run as, when it is a pod's specification or sets its account. */
  #accounts(value: JsonObject): void {
    const named = [value['serviceAccountName'], value['serviceAccount']].filter(
      (name) => typeof name === 'string' && name !== '',
    );
    for (const name of named) {
      addText(this.serviceAccounts, name);
    }
    if (
      this.#whole &&
      named.length === 0 &&
      isList(value['containers']) &&
      value['automountServiceAccountToken'] !== false
    ) {
      this.serviceAccounts.add('default');
    }
  }

  /**
   * Secrets and ConfigMaps by the ways in which the API names them: `secretKeyRef`, `nodePublishSecretRef` and their like, `secretName`
   * of volumes and of TLS, lists of pull secrets, parameters of storage classes, references with a kind.
   */
  #references(value: JsonObject): void {
    for (const [key, item] of Object.entries(value)) {
      if (SECRET_REF.test(key) || key === 'secret') {
        addText(this.secretRefs, textAt(item, 'name'));
      } else if (SECRET_NAME.test(key)) {
        addText(this.secretRefs, item);
      } else if (SECRET_LISTS.has(key) && isList(item)) {
        item.forEach((entry) => addText(this.secretRefs, textAt(entry, 'name')));
      } else if (CONFIG_REFS.has(key)) {
        addText(this.configRefs, textAt(item, 'name'));
      }
    }
    // An object of its own has its name in its metadata.
    if (value['kind'] === 'Secret') {
      addText(this.secretRefs, value['name']);
    } else if (value['kind'] === 'ConfigMap') {
      addText(this.configRefs, value['name']);
    }
  }
}

/** `secretRef`, `secretKeyRef`, `controllerExpandSecretRef`. */
const SECRET_REF = /secret(?:key)?ref$/i;
/** `secretName`, `csi.storage.k8s.io/node-stage-secret-name`. */
const SECRET_NAME = /secret-?name$/i;
/** Lists of objects with a name; `certificateRefs` of gateways are Secrets where they do not say another kind. */
const SECRET_LISTS: ReadonlySet<string> = new Set(['imagePullSecrets', 'secrets', 'certificateRefs']);
const CONFIG_REFS: ReadonlySet<string> = new Set(['configMapKeyRef', 'configMapRef', 'configMap']);

/** What a pod's specification may say under an endpoint's `workloads`, beside what the facts above tell. */
const PLAIN_POD: ReadonlySet<string> = new Set(
  [
    'containers initContainers volumes restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy dnsConfig',
    'nodeSelector affinity topologySpreadConstraints serviceAccountName serviceAccount automountServiceAccountToken',
    'hostNetwork hostPID hostIPC hostUsers shareProcessNamespace securityContext imagePullSecrets hostname subdomain hostAliases',
    'setHostnameAsFQDN readinessGates schedulingGates enableServiceLinks overhead os resources',
  ]
    .join(' ')
    .split(' '),
);
/** Volumes that hold what the pod itself makes, or what the facts name. */
const PLAIN_VOLUMES: ReadonlySet<string> = new Set(
  'name emptyDir secret configMap projected downwardAPI persistentVolumeClaim ephemeral'.split(' '),
);

/**
 * What a new pod asks for that `workloads` has no list of: a node, a priority, tolerations, a volume that runs a driver of the host or
 * a program as root (`gitRepo`), a security profile of its own. Null: nothing. What is not known counts.
 */
export function specialRight(spec: JsonValue | undefined): string | null {
  if (!isObject(spec)) {
    return 'spec';
  }
  const key = Object.keys(spec).find((name) => !PLAIN_POD.has(name) && isSet(spec[name]));
  if (key !== undefined) {
    return key;
  }
  for (const volume of asItems(spec['volumes'])) {
    const kind = isObject(volume) ? Object.keys(volume).find((name) => !PLAIN_VOLUMES.has(name)) : 'volumes';
    if (kind !== undefined) {
      return kind;
    }
  }
  const containers = [...asItems(spec['containers']), ...asItems(spec['initContainers'])];
  const contexts = [spec, ...containers].map((holder) => valueAt(holder, 'securityContext'));
  return contexts.some(hasOwnProfile) ? 'securityContext' : null;
}

function asItems(value: JsonValue | undefined): readonly JsonValue[] {
  return isList(value) ? value : [];
}

/** Not left out, and not the value that means the same. */
function isSet(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== '' && !(isList(value) && value.length === 0);
}

/** SELinux labels, kernel settings, no seccomp or AppArmor. */
function hasOwnProfile(context: JsonValue | undefined): boolean {
  const profiles = ['seccompProfile', 'appArmorProfile'].map((key) => textAt(context, key, 'type'));
  return (
    isSet(valueAt(context, 'seLinuxOptions')) || isSet(valueAt(context, 'sysctls')) || profiles.includes('Unconfined')
  );
}

function addText(into: Set<string>, value: JsonValue | undefined): void {
  if (typeof value === 'string' && value !== '') {
    into.add(value);
  }
}
