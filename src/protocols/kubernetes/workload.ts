// What pods would be allowed to do, found by structure: every container, volume and reference anywhere in the values that a body
// sets, so that templates of custom resources, items of lists and fragments of patches count too.
import { isList, isObject, textAt } from './json.ts';
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

  #references(value: JsonObject): void {
    for (const [from, into] of [
      ['secretKeyRef', this.secretRefs],
      ['secretRef', this.secretRefs],
      ['configMapKeyRef', this.configRefs],
      ['configMapRef', this.configRefs],
      ['configMap', this.configRefs],
    ] as const) {
      addText(into, textAt(value, from, 'name'));
    }
    // A volume says secretName, a projection says name.
    addText(this.secretRefs, textAt(value, 'secret', 'secretName'));
    addText(this.secretRefs, textAt(value, 'secret', 'name'));
  }
}

function addText(into: Set<string>, value: JsonValue | undefined): void {
  if (typeof value === 'string' && value !== '') {
    into.add(value);
  }
}
