// What programs need to go through a run in proxy mode: variables, and files for those that read none. Pure.
import type { Environment } from '../environment.ts';
import { fieldOf } from '../fields.ts';

/** An endpoint of the run's profile, as the gateway tells of it. */
export interface RunEndpoint {
  readonly name: string;
  readonly type: string;
  /** `host:port`. */
  readonly hosts: readonly string[];
  readonly knownHosts: readonly string[];
}

/** A port of ours that leads to a host of an endpoint. */
export interface Led {
  readonly endpoint: RunEndpoint;
  readonly host: string;
  readonly port: number;
}

/** Types that no HTTP proxy serves. */
const OWN_PORT: readonly string[] = ['postgres', 'ssh', 'clickhouse_native'];
/** Ports that one run opens. */
const MAX_PORTS = 64;

/** Reads the gateway's list; what makes no sense is left out. */
export function readEndpoints(value: unknown): readonly RunEndpoint[] {
  return (Array.isArray(value) ? value : []).flatMap((one: unknown) => {
    const [name, type] = [fieldOf(one, 'name'), fieldOf(one, 'type')];
    return typeof name === 'string' && typeof type === 'string'
      ? [{ name, type, hosts: textsOf(one, 'hosts'), knownHosts: textsOf(one, 'knownHosts') }]
      : [];
  });
}

function textsOf(value: unknown, name: string): readonly string[] {
  const list = fieldOf(value, name);
  return Array.isArray(list)
    ? list.filter((text): text is string => typeof text === 'string' && /^[\x20-\x7e]{1,2000}$/.test(text))
    : [];
}

/** The hosts that need a port of their own. */
export function hostsToLead(endpoints: readonly RunEndpoint[]): readonly Omit<Led, 'port'>[] {
  return endpoints
    .filter(({ type }) => OWN_PORT.includes(type))
    .flatMap((endpoint) => endpoint.hosts.map((host) => ({ endpoint, host })))
    .slice(0, MAX_PORTS);
}

export interface ProxyParts {
  /** With user and password. */
  readonly proxyUrl: string;
  readonly led: readonly Led[];
  readonly endpoints: readonly RunEndpoint[];
  /** A folder of the run's own, for the files. */
  readonly folder: string;
  readonly caPem: string;
}

export interface ProxySettings {
  readonly environment: Environment;
  /** By path. */
  readonly files: Readonly<Record<string, string>>;
}

const LOCAL = 'localhost,127.0.0.1,::1';

export function describeProxy(parts: ProxyParts): ProxySettings {
  const { proxyUrl, led, endpoints, folder } = parts;
  const shells = led.filter(({ endpoint }) => endpoint.type === 'ssh');
  const clusters = endpoints.filter(({ type, hosts }) => type === 'kubernetes' && hosts.length > 0);
  const sshConfig = `${folder}/ssh_config`;
  const knownHosts = `${folder}/known_hosts`;
  const kubeconfig = `${folder}/kubeconfig`;
  return {
    environment: {
      ...proxyVariables(proxyUrl),
      ...Object.fromEntries(
        led.map(({ endpoint, host, port }): readonly [string, string] => [
          variableOf(endpoint, host),
          `127.0.0.1:${port}`,
        ]),
      ),
      ...databaseVariables(led),
      ...(shells.length === 0 ? {} : { CLAWPATROL_SSH_CONFIG: sshConfig, GIT_SSH_COMMAND: `ssh -F '${sshConfig}'` }),
      ...(clusters.length === 0 ? {} : { KUBECONFIG: kubeconfig }),
    },
    files: {
      ...(shells.length === 0
        ? {}
        : { [sshConfig]: sshConfigOf(shells, knownHosts), [knownHosts]: knownHostsOf(shells) }),
      ...(clusters.length === 0 ? {} : { [kubeconfig]: kubeconfigOf(clusters, parts) }),
    },
  };
}

function proxyVariables(proxyUrl: string): Environment {
  const proxies = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].flatMap((name): readonly (readonly [string, string])[] => [
    [name, proxyUrl],
    [name.toLowerCase(), proxyUrl],
  ]);
  // The last is for Node's own clients, from 22.21 on.
  return { ...Object.fromEntries(proxies), NO_PROXY: LOCAL, no_proxy: LOCAL, NODE_USE_ENV_PROXY: '1' };
}

/** Where there is one. */
function databaseVariables(led: readonly Led[]): Environment {
  const databases = led.filter(({ endpoint }) => endpoint.type === 'postgres');
  const [database] = databases;
  return database === undefined || databases.length > 1 ? {} : { PGHOST: '127.0.0.1', PGPORT: String(database.port) };
}

/** Each line once, whatever hosts it is for. */
function knownHostsOf(shells: readonly Led[]): string {
  const lines = new Set(shells.flatMap(({ endpoint }) => endpoint.knownHosts));
  return [...lines].map((line) => `${line}\n`).join('');
}

/** `CLAWPATROL_ENDPOINT_NAME`; of an endpoint with several hosts, each but the first with its host. */
function variableOf({ name, hosts }: RunEndpoint, host: string): string {
  const text = hosts[0] === host ? name : `${name}_${host}`;
  return `CLAWPATROL_ENDPOINT_${text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

/** For `ssh -F`: the declared names lead to our ports, and their host keys are the gateway's. */
function sshConfigOf(shells: readonly Led[], knownHosts: string): string {
  const blocks = shells.map(({ host, port }) => {
    const [, name = '', remote = ''] = /^(.*):(\d+)$/.exec(host) ?? [];
    const bare = name.replaceAll(/[[\]]/g, '');
    const alias = remote === '22' ? bare : `[${bare}]:${remote}`;
    return `Host ${bare}\n  HostName 127.0.0.1\n  Port ${port}\n  HostKeyAlias ${alias}\n  UserKnownHostsFile "${knownHosts}"\n`;
  });
  return `${blocks.join('')}Match all\n  Include ~/.ssh/config\n`;
}

/** JSON is YAML. The token is a placeholder: without any, kubectl would ask for a user name. */
function kubeconfigOf(clusters: readonly RunEndpoint[], { proxyUrl, caPem }: ProxyParts): string {
  const authority = Buffer.from(caPem).toString('base64');
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: clusters.map(({ name, hosts }) => ({
        name,
        cluster: {
          server: `https://${hosts[0] ?? ''}`,
          'proxy-url': proxyUrl,
          'certificate-authority-data': authority,
        },
      })),
      users: [{ name: 'agent', user: { token: 'injected-by-clawpatrol' } }],
      contexts: clusters.map(({ name }) => ({ name, context: { cluster: name, user: 'agent' } })),
      'current-context': clusters[0]?.name ?? '',
    },
    null,
    2,
  )}\n`;
}
