// `endpoint` blocks to `EndpointConfig`.
import type { DefaultsConfig, EndpointConfig, HostPattern } from './config.ts';
import { endpointsOf } from './build-credentials.ts';
import type { Declared, Draft } from './declare.ts';
import { isRecord } from './decode.ts';
import type { DecodedBlock } from './decode.ts';
import { LOOPBACK_SOURCES, parseAddress, parseHost } from './hosts.ts';
import { endpointCommon, endpointTypes } from './schema-endpoints.ts';

/** Attributes that have a field of their own. */
const OWN_FIELDS: readonly string[] = [...Object.keys(endpointCommon), 'host', 'hosts', 'server', 'ca_cert', 'port'];

/** All endpoints in declaration order. */
export function buildEndpoints(draft: Draft, defaults: DefaultsConfig): readonly EndpointConfig[] {
  const reached = profilesByEndpoint(draft);
  const endpoints: EndpointConfig[] = [];
  for (const declared of draft.all('endpoint')) {
    const endpoint = buildEndpoint(declared, defaults, reached.get(declared.ref) ?? []);
    if (endpoint !== null) {
      endpoints.push(endpoint);
    }
  }
  return endpoints;
}

function buildEndpoint(
  { type, name, ref, block }: Declared,
  defaults: DefaultsConfig,
  profiles: readonly string[],
): EndpointConfig | null {
  const spec = endpointTypes[type];
  if (spec === undefined) {
    return null;
  }
  const listen = parseAddress(block.text('listen') ?? 'off');
  const profile = block.text('profile')?.replace(/^profile\./, '') ?? null;
  return {
    type,
    name,
    ref,
    family: spec.family,
    hosts: buildHosts(block, type, spec.defaultPort),
    description: block.text('description') ?? '',
    tunnel: block.text('tunnel'),
    retentionMs: block.number('retention'),
    listen:
      listen === null || listen === 'off' || listen.kind !== 'tcp' ? null : { host: listen.host, port: listen.port },
    profile: profile ?? (listen !== 'off' && profiles.length === 1 ? (profiles[0] ?? null) : null),
    listenAllow: block.written('listen_allow') ? block.texts('listen_allow') : LOOPBACK_SOURCES,
    listenTls: block.word('listen_tls', ['auto', 'required', 'off'], 'auto'),
    unmatched: block.word('unmatched', ['risk', 'allow', 'deny'], defaults.unmatched),
    caCert: block.text('ca_cert'),
    attributes: block.record(OWN_FIELDS),
    at: block.at,
  };
}

function buildHosts(block: DecodedBlock, type: string, standardPort: number): readonly HostPattern[] {
  const tlsPort = type === 'clickhouse_native' && block.flag('tls') ? 9440 : standardPort;
  const port = block.number('port') ?? tlsPort;
  const hosts = block.texts('hosts');
  const single = block.text('host') ?? (hosts.length === 0 ? block.text('server') : null);
  const patterns: HostPattern[] = [];
  for (const text of single === null ? hosts : [single]) {
    const parsed = parseHost(text, true);
    if (parsed !== null) {
      patterns.push({ host: parsed.host, port: parsed.port ?? port, wildcard: parsed.wildcard });
    }
  }
  return patterns;
}

/** Names of the profiles that hold a credential bound to each endpoint. */
export function profilesByEndpoint(draft: Draft): ReadonlyMap<string, readonly string[]> {
  const endpointsOfCredential = new Map<string, readonly string[]>();
  for (const { ref, block } of draft.all('credential')) {
    endpointsOfCredential.set(ref, endpointsOf(block));
  }
  const profiles = new Map<string, string[]>();
  for (const { name, block } of draft.all('profile')) {
    const entries = block.value('credentials');
    for (const entry of Array.isArray(entries) ? entries : []) {
      const ref = isRecord(entry) ? entry['credential'] : '';
      for (const endpoint of endpointsOfCredential.get(typeof ref === 'string' ? ref : '') ?? []) {
        const names = profiles.get(endpoint) ?? [];
        profiles.set(endpoint, names.includes(name) ? names : [...names, name]);
      }
    }
  }
  return profiles;
}
