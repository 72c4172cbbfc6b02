// The endpoint's own attributes in the form that judging needs. Made once per configuration of an endpoint.
import type { AttributeValue, EndpointConfig } from '../../config/config.ts';

export interface EndpointOptions {
  /** Groups of custom resources whose reading is safe. */
  readonly harmlessGroups: ReadonlySet<string>;
  isKnownImage(image: string): boolean;
  /** Namespaces in which a pod may be started under `workloads`. */
  isWorkloadNamespace(namespace: string): boolean;
  readonly serviceAccounts: ReadonlySet<string>;
  /** Secrets that such a pod may refer to. */
  readonly secrets: ReadonlySet<string>;
  /** Names of config maps of which every write is destructive. */
  readonly protectedConfigmaps: readonly NamePattern[];
}

export interface NamePattern {
  matches(name: string): boolean;
  /** Whether some name that begins so may match. */
  mayBegin(begin: string): boolean;
}

const made = new WeakMap<EndpointConfig, EndpointOptions>();

export function readOptions(config: EndpointConfig): EndpointOptions {
  const known = made.get(config);
  if (known !== undefined) {
    return known;
  }
  const { workloads, harmless_groups: harmless } = config.attributes;
  const list = (key: string): readonly string[] => {
    const value = isRecord(workloads) ? workloads[key] : undefined;
    return texts(value);
  };
  const images = list('images').map(globOf);
  const namespaces = list('namespaces').map(globOf);
  const options: EndpointOptions = {
    harmlessGroups: new Set(texts(harmless)),
    isKnownImage: (image) => images.some((matches) => matches(image)),
    isWorkloadNamespace: (namespace) => namespaces.length === 0 || namespaces.some((matches) => matches(namespace)),
    serviceAccounts: new Set(['default', ...list('service_accounts')]),
    secrets: new Set(list('secrets')),
    protectedConfigmaps: list('protected_configmaps').map(namePattern),
  };
  made.set(config, options);
  return options;
}

function isRecord(value: AttributeValue | undefined): value is { readonly [key: string]: AttributeValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function texts(value: AttributeValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function namePattern(pattern: string): NamePattern {
  const [literal = ''] = pattern.split('*');
  return {
    matches: globOf(pattern),
    mayBegin: (begin) => literal.startsWith(begin) || (pattern.includes('*') && begin.startsWith(literal)),
  };
}

/** A pattern in which `*` stands for anything; whole match, in linear time. */
function globOf(pattern: string): (text: string) => boolean {
  const [first = '', ...others] = pattern.split('*');
  const last = others.pop();
  if (last === undefined) {
    return (text) => text === first;
  }
  return (text) => {
    let at = first.length;
    if (!text.startsWith(first)) {
      return false;
    }
    for (const part of others) {
      const found = text.indexOf(part, at);
      if (found === -1) {
        return false;
      }
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}
