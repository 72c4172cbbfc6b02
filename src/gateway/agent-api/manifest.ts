// What an agent may know of what it can reach: its profile's endpoints, the ways to them, the placeholders to log in with, and how long a
// person may take to answer. The same bytes for the same policy and profile. Rules, reviewers' policies and limits are not in it. Pure.
import type { EndpointConfig, Ref, RuleOutcome } from '../../config/config.ts';
import { AGENT_NAME, formatHostPort } from '../../config/hosts.ts';
import { BUILTIN_APPROVER } from '../../config/names.ts';
import type { Live } from '../live.ts';

export interface Manifest {
  readonly profile: string;
  readonly description: string;
  readonly endpoints: readonly EndpointEntry[];
  /** Where the forward proxy listens for this profile; null without one. */
  readonly proxy: string | null;
  readonly gateway: string;
  readonly calls: readonly { readonly call: string; readonly does: string }[];
}

export interface EndpointEntry {
  readonly name: string;
  readonly type: string;
  readonly family: string;
  readonly description: string;
  /** `host:port`, as reached through the tunnel or the proxy. */
  readonly hosts: readonly string[];
  /** Its own listener for this profile, as configured; null without one. */
  readonly listener: string | null;
  /** Command lines that lead there, to be completed. */
  readonly how: readonly string[];
  readonly credentials: readonly CredentialEntry[];
  /** How long some of its actions may wait for a person; null when none of them is put to one. */
  readonly waits_up_to_seconds: number | null;
}

export interface CredentialEntry {
  readonly name: string;
  /** Stands for the secret wherever a client wants one; null where none is needed. */
  readonly placeholder: string | null;
  /** What chooses it among several, for example the user to log in as. */
  readonly choose: Readonly<Record<string, string>>;
}

export const CALLS: Manifest['calls'] = [
  { call: 'GET /manifest', does: 'this text; as JSON with ?format=json' },
  { call: 'GET /ca.crt', does: "the certificate that signs the endpoints' TLS" },
  { call: 'GET /info', does: 'who you are to the gateway' },
  { call: 'GET /pending', does: 'your requests that wait for approval' },
  { call: 'POST /intent {"text"}', does: 'says why you do what you do; people who approve see it, as your word' },
  {
    call: 'POST /context {"incident","task","reason","parent"}',
    does: 'says what you work on; parent is the id of the action that led to it',
  },
  {
    call: 'POST /would-allow {"endpoint","sql":{"statement","search_path"}}',
    does: 'asks what would be decided about an action, without doing it; also http {method, path}, k8s {method, path}, ssh {verb, command}',
  },
];

/** The manifest of a profile; null when the policy in force does not have it. */
export function describeManifest(live: Live, profile: string): Manifest | null {
  const found = live.profiles.get(profile);
  if (found === undefined) {
    return null;
  }
  const { proxy } = live.config.gateway;
  const endpoints = live.config.endpoints
    .filter(({ ref }) => live.reaches(profile, ref))
    .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
  const proxyAt =
    proxy !== null && proxy.profile === profile ? formatHostPort(proxy.listen.host, proxy.listen.port) : null;
  return {
    profile,
    description: found.description,
    endpoints: endpoints.map((endpoint) => describeEndpoint(live, profile, { endpoint, proxyAt })),
    proxy: proxyAt,
    gateway: `https://${AGENT_NAME}`,
    calls: CALLS,
  };
}

interface Ways {
  readonly endpoint: EndpointConfig;
  readonly proxyAt: string | null;
}

function describeEndpoint(live: Live, profile: string, ways: Ways): EndpointEntry {
  const { endpoint } = ways;
  const { ref, type, family, description, hosts, listen } = endpoint;
  const listens = listen !== null && endpoint.profile === profile;
  return {
    name: ref,
    type,
    family,
    description,
    hosts: hosts.map(({ host, port }) => formatHostPort(host, port)),
    listener: listens ? formatHostPort(listen.host, listen.port) : null,
    how: waysTo(ways, { tunnelled: live.config.gateway.wireguard !== null, listens }),
    credentials: credentialsOf(live, profile, ref),
    waits_up_to_seconds: longestWait(live, profile, endpoint),
  };
}

/** By tunnel, by its own listener, by the proxy: as far as the configuration has them. */
function waysTo(
  { endpoint, proxyAt }: Ways,
  { tunnelled, listens }: { readonly tunnelled: boolean; readonly listens: boolean },
): readonly string[] {
  const { type, family, hosts, listen } = endpoint;
  const host = hosts.find(({ wildcard }) => !wildcard) ?? null;
  const isHttp = family === 'http' || family === 'k8s' || type.endsWith('_https');
  const url = host === null ? 'https://HOST/' : `https://${host.host}${host.port === 443 ? '' : `:${host.port}`}/`;
  return [
    ...(tunnelled && host !== null ? [commandFor(type, host)] : []),
    ...(listens && listen !== null
      ? [
          isHttp
            ? `${CURL} --connect-to ::${formatHostPort(listen.host, listen.port)} ${url}`
            : commandFor(type, listen),
        ]
      : []),
    ...(isHttp && proxyAt !== null ? [`${CURL} --proxy http://${proxyAt} ${url}`] : []),
  ];
}

/** With the gateway's certificate, from GET /ca.crt. */
const CURL = 'curl --cacert ca.crt';

function commandFor(type: string, { host, port }: { readonly host: string; readonly port: number }): string {
  switch (type) {
    case 'postgres':
      return `psql "host=${host} port=${port} dbname=DATABASE user=USER"`;
    case 'clickhouse_native':
      return `clickhouse-client --host ${host} --port ${port}`;
    case 'ssh':
      return `ssh -p ${port} USER@${host}`;
    case 'kubernetes':
      return `kubectl --server https://${formatHostPort(host, port)} --certificate-authority ca.crt --token PLACEHOLDER`;
    default:
      return `${CURL} https://${formatHostPort(host, port).replace(/:443$/, '')}/`;
  }
}

function credentialsOf(live: Live, profile: string, endpoint: Ref): readonly CredentialEntry[] {
  const byRef = new Map(live.config.credentials.map((credential) => [credential.ref, credential]));
  const held = (live.profiles.get(profile)?.credentials ?? []).filter(
    ({ credential }) => byRef.get(credential)?.endpoints.includes(endpoint) === true,
  );
  return held.map(({ credential, constraints }) => {
    const { placeholder = null, ...choose } = constraints;
    return {
      name: credential,
      placeholder: placeholder ?? byRef.get(credential)?.placeholder ?? null,
      // A lone one is used whatever the client says.
      choose: held.length === 1 ? {} : choose,
    };
  });
}

/** Of all people that some rule or tier may put an action of this endpoint to. */
function longestWait(live: Live, profile: string, endpoint: EndpointConfig): number | null {
  const held = new Set(live.profiles.get(profile)?.credentials.map(({ credential }) => credential));
  const ruled = live.config.rules
    .filter(({ disabled, endpoints }) => !disabled && endpoints.includes(endpoint.ref))
    .filter(({ credential }) => credential === null || held.has(credential))
    .map(({ outcome }) => outcome);
  const tiers = endpoint.unmatched === 'risk' ? Object.values(live.config.risks).map(({ outcome }) => outcome) : [];
  const waits = [...ruled, ...tiers].flatMap((outcome) => waitsOf(live, outcome));
  return waits.length === 0 ? null : Math.round(Math.max(...waits) / 1000);
}

/** How long the people of a chain may take together, one approver after the other; [] where it has none. */
function waitsOf(live: Live, outcome: RuleOutcome): readonly number[] {
  if (outcome.kind !== 'approve') {
    return [];
  }
  const waits = outcome.approvers.flatMap((ref) => waitOf(live, ref, new Set()));
  return waits.length === 0 ? [] : [waits.reduce((sum, ms) => sum + ms, 0)];
}

function waitOf(live: Live, ref: Ref, seen: Set<Ref>): readonly number[] {
  if (seen.has(ref)) {
    return [];
  }
  seen.add(ref);
  if (ref === BUILTIN_APPROVER) {
    return [live.config.defaults.humanTimeoutMs];
  }
  const approver = live.approvers.get(ref);
  const next = approver?.escalateTo === undefined || approver.escalateTo === null ? [] : [approver.escalateTo];
  const own = approver?.type === 'human_approver' ? [approver.timeoutMs] : [];
  const waits = [...own, ...next.flatMap((one) => waitOf(live, one, seen))];
  return waits.length === 0 ? [] : [waits.reduce((sum, ms) => sum + ms, 0)];
}

/** The same as Markdown. */
export function manifestText(manifest: Manifest): string {
  const { profile, description, endpoints, proxy, gateway, calls } = manifest;
  return [
    `# What you can reach through Claw Patrol (profile ${profile})`,
    ...(description === '' ? [] : ['', description]),
    '',
    'Everything you send through this gateway is judged and recorded. Log in with the placeholders below, or with anything: the gateway puts',
    'the real credentials in. What is safe runs at once. The rest is allowed, denied with a reason, or waits for a person to approve it: keep',
    'the connection open while it waits; it answers by itself. A denial says what to do; sending the same again does not help.',
    ...(proxy === null ? [] : ['', `HTTP and CONNECT proxy: http://${proxy}`]),
    '',
    '## Endpoints',
    ...(endpoints.length === 0 ? ['', 'None.'] : endpoints.flatMap(endpointLines)),
    '',
    `## The gateway itself: ${gateway}`,
    '',
    `At \`${gateway}\` inside the tunnel and through the proxy, and with \`Host: ${AGENT_NAME}\` at any HTTP listener. Answers are JSON but for`,
    'this text and the certificate. Nothing there can approve anything.',
    '',
    ...calls.map(({ call, does }) => `- \`${call}\`: ${does}`),
    '',
  ].join('\n');
}

function endpointLines(endpoint: EndpointEntry): readonly string[] {
  const { name, description, hosts, listener, how, credentials, waits_up_to_seconds: waits } = endpoint;
  return [
    '',
    `### ${name}`,
    '',
    ...(description === '' ? [] : [description, '']),
    `- speaks: ${endpoint.type}`,
    ...(hosts.length === 0 ? [] : [`- hosts: ${hosts.join(', ')}`]),
    ...(listener === null ? [] : [`- direct listener: ${listener}`]),
    ...how.map((line) => `- by \`${line}\``),
    ...credentials.map((credential) => `- credential ${credentialText(credential)}`),
    waits === null ? '- nothing waits for a person' : `- some actions wait for a person, for up to ${waits} s`,
  ];
}

function credentialText({ name, placeholder, choose }: CredentialEntry): string {
  const chosen = Object.entries(choose).map(([what, value]) => `${what} ${value}`);
  const parts = [
    placeholder === null ? 'no placeholder is needed' : `placeholder \`${placeholder}\``,
    ...(chosen.length === 0 ? [] : [`chosen by ${chosen.join(', ')}`]),
  ];
  return `${name}: ${parts.join('; ')}`;
}
