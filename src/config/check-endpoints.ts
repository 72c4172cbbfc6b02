// Endpoints: hosts, direct listeners, tunnels, attributes that need one another (config reference, 1.6 and 2.4).
import { RISKS } from '../rules/action.ts';
import { profilesByEndpoint } from './build-endpoints.ts';
import type { CheckParts } from './check-parts.ts';
import type { EndpointConfig } from './config.ts';
import { isRecord } from './decode.ts';
import type { DecodedBlock } from './decode.ts';
import { AGENT_NAME, formatHostPort, isLoopbackHost, parseIp } from './hosts.ts';
import { endpointTypes } from './schema-endpoints.ts';

/** Checks every endpoint. */
export function checkEndpoints(parts: CheckParts): void {
  const reached = profilesByEndpoint(parts.draft);
  const blocks = new Map(parts.draft.all('endpoint').map(({ ref, block }) => [ref, block]));
  for (const endpoint of parts.config.endpoints) {
    const block = blocks.get(endpoint.ref);
    if (block === undefined) {
      continue;
    }
    checkHosts(endpoint, block, parts);
    checkTogether(endpoint, block, parts);
    checkListener(endpoint, block, parts);
    checkProfile(endpoint, block, { parts, profiles: reached.get(endpoint.ref) ?? [] });
  }
}

function checkHosts(endpoint: EndpointConfig, block: DecodedBlock, { report }: CheckParts): void {
  const seen = new Set<string>();
  for (const [index, { host, port }] of endpoint.hosts.entries()) {
    const key = formatHostPort(host, port);
    if (host === AGENT_NAME) {
      const message = `${AGENT_NAME} is the gateway's own name: requests to it never leave the gateway`;
      report.error(block.itemPlace('hosts', index), { code: 'reserved-host', message, fix: 'declare another name' });
    }
    if (seen.has(key)) {
      report.error(block.itemPlace('hosts', index), {
        code: 'duplicate-host',
        message: `${key} stands twice in hosts`,
        fix: 'write each host once',
      });
    }
    seen.add(key);
  }
  if (
    endpoint.type === 'kubernetes' &&
    endpoint.hosts.length === 0 &&
    !block.broken('hosts') &&
    !block.broken('server')
  ) {
    const message = `${endpoint.ref} claims no host`;
    report.warning(block.at, { code: 'claims-nothing', message, fix: 'write hosts = [ … ] or server = "…"' });
  }
  const named = endpoint.hosts.some((host) => parseIp(host.host) === null);
  if (endpoint.tunnel !== null && !named && endpoint.hosts.length > 0) {
    const message = `${endpoint.ref} goes through a tunnel and has only addresses as hosts`;
    report.error(block.place('tunnel'), {
      code: 'tunnel-needs-name',
      message,
      fix: 'write at least one host as a name',
    });
  }
}

/** Attributes that mean something only together. */
function checkTogether(endpoint: EndpointConfig, block: DecodedBlock, { report }: CheckParts): void {
  if (block.flag('accept_invalid_certificate') && !block.flag('tls')) {
    const message = 'accept_invalid_certificate needs tls = true';
    const fix = 'write tls = true, or remove accept_invalid_certificate';
    report.error(block.place('accept_invalid_certificate'), { code: 'missing-attribute', message, fix });
  }
  if (endpoint.type === 'kubernetes' && block.written('cluster_name') !== block.written('region')) {
    const [written, missing] = block.written('region') ? ['region', 'cluster_name'] : ['cluster_name', 'region'];
    const message = `"${written}" needs "${missing}"`;
    report.error(block.place(written), { code: 'missing-attribute', message, fix: `write both or none` });
  }
  checkWorkloads(endpoint, block, report);
  const tools = endpoint.attributes['tools'];
  for (const [tool, risk] of Object.entries(tools !== null && typeof tools === 'object' ? tools : {})) {
    if (!RISKS.some((one) => one === risk)) {
      const message = `the tier of "${tool}" is not one of: ${RISKS.join(', ')}`;
      report.error(block.place('tools'), { code: 'bad-enum', message, fix: `write one of: ${RISKS.join(', ')}` });
    }
  }
}

function checkListener(endpoint: EndpointConfig, block: DecodedBlock, { report }: CheckParts): void {
  const { listen } = endpoint;
  if (listen === null) {
    return;
  }
  const at = block.place('listen');
  if (!isLoopbackHost(listen.host) && !block.written('listen_allow')) {
    const message = `${formatHostPort(listen.host, listen.port)} can be reached from other hosts`;
    const fix = 'write listen_allow = ["SOURCE/PREFIX"], or listen on loopback';
    report.error(at, { code: 'open-listener', message, fix });
  }
  if (block.broken('hosts') || block.broken('host') || block.broken('server')) {
    return;
  }
  const concrete = endpoint.hosts.filter((host) => !host.wildcard).length;
  const namesHost = endpointTypes[endpoint.type]?.namesHost === true;
  if (namesHost ? endpoint.hosts.length === 0 : concrete !== 1 || endpoint.hosts.length !== 1) {
    const message = namesHost
      ? 'a direct listener needs a host to go to'
      : `clients of ${endpoint.type} name no host: a direct listener needs exactly one host that is not a wildcard`;
    const fix = 'write one endpoint with its own listen for each host';
    report.error(at, { code: 'listener-upstream', message, fix });
  }
}

function checkProfile(
  endpoint: EndpointConfig,
  block: DecodedBlock,
  { parts, profiles }: { readonly parts: CheckParts; readonly profiles: readonly string[] },
): void {
  const { report, incomplete } = parts;
  const addCredential = `add a credential bound to ${endpoint.ref} to the profile; credential "passthrough" if it needs none`;
  if (block.written('profile')) {
    if (endpoint.profile !== null && !profiles.includes(endpoint.profile) && !incomplete) {
      const message = `profile "${endpoint.profile}" holds no credential bound to ${endpoint.ref}`;
      report.error(block.place('profile'), { code: 'endpoint-not-in-profile', message, fix: addCredential });
    }
    return;
  }
  if (endpoint.listen === null || endpoint.profile !== null || incomplete) {
    return;
  }
  if (profiles.length === 0) {
    const message = `no profile holds a credential bound to ${endpoint.ref}`;
    report.error(block.place('listen'), { code: 'endpoint-not-in-profile', message, fix: addCredential });
  } else {
    const message = `several profiles reach ${endpoint.ref}: ${profiles.join(', ')}`;
    const fix = 'write profile = "NAME": the one under which the listener acts';
    report.error(block.place('listen'), { code: 'missing-attribute', message, fix });
  }
}

/** Keys of `workloads`, each a list of texts. */
const WORKLOAD_KEYS: readonly string[] = [
  'images',
  'namespaces',
  'service_accounts',
  'secrets',
  'protected_configmaps',
];

function checkWorkloads(endpoint: EndpointConfig, block: DecodedBlock, report: CheckParts['report']): void {
  const { workloads } = endpoint.attributes;
  const fix = `write lists of texts under ${WORKLOAD_KEYS.join(', ')}`;
  for (const [key, value] of Object.entries(workloads !== undefined && isRecord(workloads) ? workloads : {})) {
    if (!WORKLOAD_KEYS.includes(key)) {
      const message = `workloads has no key "${key}"`;
      report.error(block.place('workloads'), { code: 'unknown-attribute', message, fix });
    } else if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      const message = `"${key}" in workloads is not a list of texts`;
      report.error(block.place('workloads'), { code: 'wrong-type', message, fix });
    }
  }
}
