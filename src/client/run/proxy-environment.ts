// What programs need to go through a run in proxy mode: variables, and files for those that read none. Pure.
import type { Environment } from '../environment.ts';
import { fieldOf } from '../../lib/fields.ts';

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
  /** What connects ssh: a program and its first argument; the file with the proxy's URL, host and port follow. */
  readonly connector: readonly string[];
  /** Programs of OpenSSH that this machine has, by name. */
  readonly sshPrograms: Readonly<Record<string, string>>;
  /** Where the command finds its programs otherwise. */
  readonly path: string;
}

export interface ProxySettings {
  readonly environment: Environment;
  /** By path. */
  readonly files: Readonly<Record<string, string>>;
  /** Files that are run, by path, in `programFolderOf` the run's folder. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Programs that take the place of others. */
export function programFolderOf(folder: string): string {
  return `${folder}/bin`;
}

const LOCAL = 'localhost,127.0.0.1,::1';

export function describeProxy(parts: ProxyParts): ProxySettings {
  const { proxyUrl, led, endpoints, folder } = parts;
  const shells = led.filter(({ endpoint }) => endpoint.type === 'ssh');
  const clusters = endpoints.filter(({ type, hosts }) => type === 'kubernetes' && hosts.length > 0);
  const shell = shells.length === 0 ? NO_SHELL : describeShell(shells, parts);
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
      ...shell.environment,
      ...(clusters.length === 0 ? {} : { KUBECONFIG: kubeconfig }),
    },
    files: { ...shell.files, ...(clusters.length === 0 ? {} : { [kubeconfig]: kubeconfigOf(clusters, parts) }) },
    programs: shell.programs,
  };
}

const NO_SHELL: ProxySettings = { environment: {}, files: {}, programs: {} };

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

/** ssh reads no variable: programs of its names come first in PATH and hand it its configuration, whoever starts them. */
function describeShell(shells: readonly Led[], parts: ProxyParts): ProxySettings {
  const { proxyUrl, folder, path, sshPrograms } = parts;
  const [config, knownHosts, proxyFile] = [`${folder}/ssh_config`, `${folder}/known_hosts`, `${folder}/proxy`];
  const programs = Object.entries(sshPrograms).map(([name, program]): readonly [string, string] => [
    `${programFolderOf(folder)}/${name}`,
    `#!/bin/sh\nexec ${quote(program)} -F ${quote(config)} "$@"\n`,
  ]);
  return {
    environment: {
      CLAWPATROL_SSH_CONFIG: config,
      GIT_SSH_COMMAND: `ssh -F ${quote(config)}`,
      ...(programs.length === 0 ? {} : { PATH: `${programFolderOf(folder)}:${path}` }),
    },
    files: {
      [config]: sshConfigOf(shells, { knownHosts, connector: [...parts.connector, proxyFile] }),
      [knownHosts]: knownHostsOf(shells),
      [proxyFile]: `${proxyUrl}\n`,
    },
    programs: Object.fromEntries(programs),
  };
}

/** One word for a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * For `ssh -F`: declared names, at whatever port, go through the run's proxy, which leads to the declared ones; their host keys are the gateway's.
 * Once more after the user's own configuration, whose short names may stand for declared ones.
 */
function sshConfigOf(
  shells: readonly Led[],
  { knownHosts, connector }: { readonly knownHosts: string; readonly connector: readonly string[] },
): string {
  const names = new Set(shells.map(({ host }) => host.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')));
  const command = connector.map((word) => quote(word).replaceAll('%', '%%')).join(' ');
  const lines = [`ProxyCommand ${command} %h %p`, `UserKnownHostsFile "${knownHosts}"`, 'CheckHostIP no'];
  const block = lines.map((line) => `  ${line}\n`).join('');
  const own = 'Match all\n  Include ~/.ssh/config\n  Include /etc/ssh/ssh_config\n';
  return `Host ${[...names].join(' ')}\n${block}${own}Match host ${[...names].join(',')}\n${block}`;
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
