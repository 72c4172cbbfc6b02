// Schema of `endpoint "TYPE" "NAME" {}` (config reference, 1.6 and 2.4; fact reference, 1.10).
import type { Family } from '../rules/action.ts';
import {
  bool,
  duration,
  formOf,
  int,
  laterWarn,
  listOf,
  oneOf,
  refTo,
  SECOND_MS,
  secretText,
  strings,
  text,
} from './schema-types.ts';
import type { AttributeSpec, BlockSpec, ValueType } from './schema-types.ts';

/** What the loader must know of an endpoint type beside its attributes. */
export interface EndpointType extends BlockSpec {
  readonly family: Family;
  readonly defaultPort: number;
  /** The client names its host in-band (SNI, Host): a direct listener may serve several hosts. */
  readonly namesHost: boolean;
}

const pem: ValueType = { kind: 'string', form: 'pem', markers: true };
const hosts: AttributeSpec = {
  type: { kind: 'list', of: { kind: 'host', wildcards: true }, nonEmpty: true },
  required: true,
  doc: "Hosts, each with an optional port; *.suffix matches any depth. Without a port: the type's default.",
};

/** Attributes that every endpoint has. */
export const endpointCommon: Readonly<Record<string, AttributeSpec>> = {
  tunnel: { type: refTo('tunnel'), doc: 'Way to the upstream; then at least one host must be a name.' },
  description: { type: text, default: '', doc: 'Shown to people.' },
  retention: {
    type: { kind: 'retention' },
    defaultText: "the audit's",
    doc: 'How long stored evidence stays; 0 and off exempt the endpoint.',
  },
  listen: {
    type: formOf('ip-port'),
    doc: 'A direct listener: whoever can reach it acts as the device listener/NAME under profile.',
  },
  profile: {
    type: refTo('profile'),
    defaultText: 'the only profile that reaches the endpoint',
    doc: 'Profile of the direct listener.',
  },
  listen_allow: {
    type: listOf(formOf('cidr')),
    defaultText: 'loopback',
    doc: 'Source networks of the direct listener; others are refused and recorded.',
  },
  listen_tls: {
    type: oneOf('auto', 'required', 'off'),
    default: 'auto',
    doc: 'auto: TLS when the client begins with it, plain otherwise.',
  },
  unmatched: {
    type: oneOf('risk', 'allow', 'deny'),
    defaultText: 'defaults.unmatched',
    doc: 'Default verdict of this endpoint.',
  },
};

const caCert: AttributeSpec = {
  type: pem,
  defaultText: 'system roots',
  doc: 'PEM of the upstream CA, or a file marker.',
};

const sql: Readonly<Record<string, AttributeSpec>> = {
  read_only: { type: bool, default: false, doc: 'Refuses whatever would leave a read-only transaction.' },
  trusted_functions: {
    type: strings,
    default: [],
    doc: 'Functions and procedures that are not opaque although their bodies are not known, as schema.name.',
  },
};

const catalogLookup: AttributeSpec = {
  type: bool,
  default: false,
  doc: "Resolve names with the upstream's catalogue, which is asked on each upstream connection before the agent can send anything.",
};

const verifyAst: AttributeSpec = {
  type: bool,
  default: false,
  doc: 'Each new statement is first explained by the server (EXPLAIN AST), and refused when the server reads it differently.',
};

const reading = (what: string): AttributeSpec => ({
  type: oneOf('refuse', 'data'),
  default: 'refuse',
  doc: `How the upstream reads ${what} in a path: as data, or (refuse) not known, so that the path is unknown.`,
});

const http: Readonly<Record<string, AttributeSpec>> = {
  encoded_slash: reading('%2f'),
  empty_segments: reading('empty segments'),
  path_params: reading(';name'),
  method_override: {
    type: oneOf('refuse', 'judge'),
    default: 'refuse',
    doc: 'Requests with a method override are refused, or judged by the method they override to.',
  },
  mcp: { type: bool, default: false, doc: 'The endpoint speaks MCP.' },
  tools: {
    type: { kind: 'map' },
    default: {},
    doc: 'MCP tools by name, each safe, suspicious or destructive; an unlisted tool is destructive.',
  },
  secret_fields: { type: strings, default: [], doc: 'GraphQL fields whose reading is destructive.' },
};

const https: Readonly<Record<string, AttributeSpec>> = {
  hosts,
  ca_cert: caCert,
  ...http,
  free_refs: {
    type: strings,
    default: [],
    doc: 'Git refs to which a push is suspicious instead of destructive; a name, or a prefix that ends in /* (refs/heads/agent/*).',
  },
};

const kubernetes: EndpointType = {
  doc: 'A Kubernetes API server.',
  family: 'k8s',
  defaultPort: 443,
  namesHost: true,
  attributes: {
    hosts: { type: listOf({ kind: 'host', wildcards: true }), doc: 'Hosts of the API server; win over server.' },
    server: { type: formOf('host-or-url'), doc: 'Host, or https:// URL without path.' },
    ca_cert: caCert,
    cluster_name: { type: text, doc: 'EKS cluster; with region.' },
    region: { type: text, doc: 'EKS region; with cluster_name.' },
    workloads: {
      type: { kind: 'object' },
      default: {},
      doc: 'Lists of texts, * for anything: images, namespaces, service_accounts and secrets within which a new pod without further rights (node, priority, tolerations, drivers of the host and the like) is suspicious instead of destructive; protected_configmaps, of which every write is destructive.',
    },
    harmless_groups: { type: strings, default: [], doc: 'API groups of custom resources whose reading is safe.' },
  },
};

/** Endpoint types by their label. */
export const endpointTypes: Readonly<Record<string, EndpointType>> = {
  https: { doc: 'An HTTPS API.', family: 'http', defaultPort: 443, namesHost: true, attributes: https },
  openai_codex_https: {
    doc: "An OpenAI Codex API; also claims the vendor's sign-in host.",
    family: 'http',
    defaultPort: 443,
    namesHost: true,
    attributes: https,
    later: laterWarn('it is served as https'),
  },
  kubernetes,
  postgres: {
    doc: 'A PostgreSQL server.',
    family: 'sql',
    defaultPort: 5432,
    namesHost: false,
    attributes: {
      host: { type: { kind: 'host', wildcards: false }, required: true, doc: 'Server, port 5432 if absent.' },
      sslmode: {
        type: oneOf('disable', 'prefer', 'require', 'verify-ca', 'verify-full'),
        default: 'prefer',
        doc: 'TLS to the upstream, as in libpq.',
      },
      agent_password: {
        type: secretText,
        doc: 'Agents must prove with SCRAM-SHA-256 that they know it, under any user name; without it they are not asked. Never sent upstream.',
      },
      ca_cert: caCert,
      ...sql,
      catalog_lookup: catalogLookup,
    },
  },
  clickhouse_native: {
    doc: 'A ClickHouse server, native protocol.',
    family: 'sql',
    defaultPort: 9000,
    namesHost: false,
    attributes: {
      hosts,
      port: {
        type: int(1, 65_535),
        defaultText: '9000, 9440 with TLS',
        doc: 'Port of hosts that are written without.',
      },
      tls: { type: bool, default: false, doc: 'TLS on both hops.' },
      accept_invalid_certificate: { type: bool, default: false, doc: 'Do not verify the upstream; only with tls.' },
      ca_cert: caCert,
      ...sql,
      verify_ast: verifyAst,
    },
  },
  clickhouse_https: {
    doc: 'A ClickHouse server, HTTP interface; judged like the native protocol.',
    family: 'sql',
    defaultPort: 443,
    namesHost: true,
    attributes: {
      hosts,
      tls: {
        type: bool,
        defaultText: 'true, but at the ports 80 and 8123',
        doc: 'Whether the upstream speaks TLS.',
      },
      ca_cert: caCert,
      ...sql,
      verify_ast: verifyAst,
    },
  },
  ssh: {
    doc: 'SSH servers; the dialled name picks the upstream.',
    family: 'ssh',
    defaultPort: 22,
    namesHost: false,
    attributes: {
      hosts,
      host_key: {
        type: listOf({ kind: 'string', form: 'host-key', markers: true }),
        default: [],
        defaultText: 'first key seen is kept',
        doc: 'Accepted host keys, known_hosts or SHA256: form; anything else is refused.',
      },
      agent_password: {
        type: secretText,
        doc: 'Agents must log in with it, under any user name, or with one of agent_keys; without both they are not asked. Never sent upstream.',
      },
      agent_keys: {
        type: listOf({ kind: 'string', form: 'public-key', markers: true }),
        default: [],
        doc: 'Public keys with which agents may log in, as in authorized_keys, without options.',
      },
      shell_family: {
        type: oneOf('posix', 'fish', 'csh', 'powershell', 'cmd', 'other'),
        default: 'posix',
        doc: 'Remote login shell; anything but posix makes every exec opaque unless it is simple.',
      },
      stdin_timeout: {
        type: duration,
        default: 10 * SECOND_MS,
        defaultText: '10s',
        doc: 'How long a script on stdin may take to end before it is unknown.',
      },
      forward: {
        type: bool,
        default: false,
        doc: 'Forwarding of which no rule speaks is judged by its tier; without it, it is refused.',
      },
      scratch_dirs: { type: strings, default: [], doc: 'Directories in which writing files is suspicious only.' },
    },
  },
};
