// Schema of `gateway {}`, `defaults {}` and `grant {}` (config reference, 1.2, 1.3, 2.2, 2.5, 2.11).
import {
  bool,
  duration,
  formOf,
  HOUR_MS,
  int,
  laterWarn,
  listOf,
  MINUTE_MS,
  oneOf,
  path,
  refTo,
  seconds,
  SECOND_MS,
  secretText,
  size,
  strings,
  text,
  url,
} from './schema-types.ts';
import type { BlockSpec, NestedSpec } from './schema-types.ts';

const DAY_MS = 24 * HOUR_MS;
const address = formOf('address');

const limits: NestedSpec = {
  doc: 'Bounds on what is held and on how many.',
  attributes: {
    body_buffer: {
      type: size,
      default: 1024 ** 2,
      defaultText: '1MiB',
      doc: 'The most of one request that is held for judging: HTTP body, SQL text, piped SSH stdin.',
    },
    body_storage: {
      type: size,
      default: 4096,
      defaultText: '4KiB',
      doc: 'Body sample kept per action; the digest always covers the whole.',
    },
    header_bytes: { type: size, default: 65_536, defaultText: '64KiB', doc: 'HTTP request head; more is refused 431.' },
    parked: { type: int(1), default: 1000, doc: 'Waiting approvals; beyond: denied, recorded.' },
    parked_per_device: { type: int(1), default: 50, doc: 'Waiting approvals of one device.' },
    connections: { type: int(1), default: 20_000, doc: 'Open connections; beyond: refused.' },
    connections_per_device: { type: int(1), default: 2000, doc: 'Open connections of one device.' },
  },
};

const wireguard: NestedSpec = {
  doc: 'The WireGuard transport; presence turns it on.',
  attributes: {
    subnet_cidr: {
      type: formOf('cidr'),
      required: true,
      doc: 'Addresses of devices, /8 to /30; the gateway takes the first.',
    },
    listen_port: { type: int(1, 65_535), default: 51_820, doc: 'UDP port.' },
    host_loopback_port: {
      type: int(1, 65_535),
      default: 8443,
      doc: 'TLS on 127.0.0.1 for clients on the same host.',
    },
    endpoint: {
      type: formOf('dial-host'),
      defaultText: 'host of public_url, listen_port',
      doc: 'What clients dial; a wildcard address counts as absent.',
    },
    interface: { type: formOf('interface'), default: 'clawpatrol0', doc: 'Kernel interface, 1 to 15 characters.' },
    server_pub: { type: formOf('base64-key'), doc: 'Pin: start fails when the key in state_dir is another.' },
    mode: {
      type: oneOf('auto', 'kernel', 'userspace'),
      default: 'auto',
      doc: 'auto: kernel if it can, else wireguard-go.',
    },
    mtu: { type: int(1280, 9000), default: 1420, doc: 'MTU of the interface.' },
  },
};

const tailscale: NestedSpec = {
  doc: "The Tailscale transport: this host's tailscaled makes the gateway an exit node of the tailnet.",
  attributes: {
    authkey: { type: secretText, defaultText: '$TS_AUTHKEY', doc: 'Auth key, used when the node is not logged in.' },
    hostname: { type: text, default: 'clawpatrol-gateway', doc: 'Name of the node.' },
    control_url: { type: url, defaultText: "tailscaled's own", doc: 'Control server.' },
    tags: { type: strings, default: [], doc: 'Tags that the node asks for.' },
    operators: {
      type: listOf(formOf('operator')),
      default: [],
      doc: 'Who may use the dashboard by their tailnet login: user@domain or *@domain.',
    },
    socket: {
      type: path,
      default: '/var/run/tailscale/tailscaled.sock',
      doc: 'Where tailscaled takes calls.',
    },
    interface: { type: formOf('interface'), default: 'tailscale0', doc: 'Interface of tailscaled.' },
    funnel: {
      type: bool,
      default: false,
      later: laterWarn('the dashboard is not exposed'),
      doc: 'Expose the dashboard through Funnel.',
    },
    oauth_client_id: { type: secretText, later: laterWarn('no key is minted'), doc: 'OAuth client id.' },
    oauth_client_secret: { type: secretText, later: laterWarn('no key is minted'), doc: 'OAuth client secret.' },
  },
};

const proxy: NestedSpec = {
  doc: 'A forward proxy for agents that are given HTTPS_PROXY: CONNECT and absolute-form requests, routed among the endpoints of one profile.',
  attributes: {
    listen: {
      type: formOf('ip-port'),
      required: true,
      doc: 'Its address: whoever can reach it acts as the device listener/proxy under profile.',
    },
    profile: {
      type: refTo('profile'),
      defaultText: 'the only profile',
      doc: 'Profile whose endpoints it leads to; anything else is refused and recorded.',
    },
    listen_allow: {
      type: listOf(formOf('cidr')),
      defaultText: 'loopback',
      doc: 'Source networks; others are refused and recorded.',
    },
  },
};

const store: NestedSpec = {
  doc: 'Where the audit log and the queue live. One nested block.',
  attributes: {},
  blocks: {
    sqlite: {
      doc: 'The embedded store.',
      attributes: {
        path: {
          type: path,
          default: 'clawpatrol.db',
          defaultText: 'STATE_DIR/clawpatrol.db',
          doc: 'File, relative to state_dir.',
        },
      },
    },
    postgres: {
      doc: 'A PostgreSQL store.',
      later: { mode: 'refuse', until: 'use sqlite' },
      attributes: {
        url: { type: secretText, required: true, doc: 'Connection URL.' },
        schema: { type: text, doc: 'Schema.' },
      },
    },
  },
};

const audit: NestedSpec = {
  doc: 'The tamper-evident log.',
  attributes: {
    durability: {
      type: oneOf('standard', 'strict'),
      default: 'standard',
      doc: 'standard: what is not safe is durable before its effect, safe records within 100 ms. strict: everything before its effect.',
    },
    retention: {
      type: { kind: 'retention' },
      defaultText: 'actions_keep',
      doc: 'How long records stay; whole sealed segments are exported, then replaced by a signed stub.',
    },
    segment: {
      type: { kind: 'duration', minMs: HOUR_MS },
      default: DAY_MS,
      defaultText: '24h',
      doc: 'When a segment is sealed; at least 1h.',
    },
    archive_dir: { type: path, defaultText: 'STATE_DIR/archive', doc: 'Where sealed segments are exported to.' },
    redact: {
      type: strings,
      default: [],
      doc: 'Header, cookie, query and JSON key names masked in what is stored and shown beside the built-in ones; of SQL, literals that stand behind such a name (PASSWORD, a column, a setting) and passwords of connection strings, in statements without comments, backslashes and dollar quotes.',
    },
  },
  blocks: {
    checkpoint: {
      doc: 'Signed checkpoints of the chain.',
      attributes: {
        every: { type: duration, default: MINUTE_MS, defaultText: '1m', doc: 'Longest time between checkpoints.' },
        records: { type: int(1), default: 1000, doc: 'Most records between checkpoints.' },
        key: {
          type: secretText,
          defaultText: 'generated at first start',
          doc: 'Ed25519 key, PEM or 32 bytes base64.',
        },
        publish: { type: path, doc: 'A file outside the store to which every checkpoint is appended.' },
      },
    },
  },
};

export const gatewaySpec: BlockSpec = {
  doc: 'The gateway itself.',
  attributes: {
    dashboard_listen: {
      type: address,
      default: '127.0.0.1:8080',
      doc: 'Dashboard and operator API. Not loopback and not unix: warning open-dashboard.',
    },
    dashboard_tls: {
      type: bool,
      defaultText: 'true unless dashboard_listen is loopback or unix',
      doc: "Serve the dashboard over TLS with a leaf of the gateway's CA; false where a proxy with TLS stands before it.",
    },
    control_listen: {
      type: address,
      defaultText: 'unix:STATE_DIR/control.sock',
      doc: 'The operator API for the command line. TCP needs an operator token on every call.',
    },
    enroll_listen: { type: address, default: 'off', doc: 'Enrolment on a listener of its own, with TLS.' },
    metrics_listen: { type: address, default: 'off', doc: '/metrics, /healthz and /readyz, unauthenticated.' },
    public_url: { type: url, doc: 'Links in cards, join target, callback URLs, default WireGuard dial host.' },
    state_dir: {
      type: path,
      defaultText: '$STATE_DIRECTORY, else $HOME/.clawpatrol',
      doc: 'Made 0700; not writable: start fails.',
    },
    dashboard_session_ttl: {
      type: duration,
      default: DAY_MS,
      defaultText: '24h',
      doc: "Life of an operator's log-in.",
    },
    dashboard_config_writes: {
      type: bool,
      default: false,
      later: laterWarn('the dashboard shows HCL to copy and writes nothing'),
      doc: 'Let the dashboard write configuration.',
    },
    resolver: {
      type: formOf('resolver'),
      defaultText: "the system's",
      doc: 'DNS server for upstream names, ip[:port], port 53.',
    },
    log_path: { type: path, defaultText: 'stderr', doc: 'JSON log file, 0600, reopened on SIGHUP.' },
    log_level: {
      type: oneOf('trace', 'debug', 'info', 'warn', 'error'),
      default: 'info',
      doc: 'Least level that is logged.',
    },
    telemetry: { type: bool, default: false, doc: 'Nothing is ever sent anywhere; true warns.' },
    timezone: { type: formOf('timezone'), default: 'UTC', doc: 'Zone of the time.* facts, an IANA name.' },
    session_keep: {
      type: { kind: 'retention' },
      default: 720 * HOUR_MS,
      defaultText: '720h',
      doc: 'How long ended runs and connection summaries are kept.',
    },
    actions_keep: {
      type: { kind: 'retention' },
      default: 720 * HOUR_MS,
      defaultText: '720h',
      doc: "The audit's retention, unless audit { retention } is written.",
    },
    vip_subnets: {
      type: listOf(formOf('cidr')),
      default: ['10.78.0.0/16', 'fd78::/64'],
      doc: 'Virtual addresses of declared hosts: one v4 and one v6 network.',
    },
  },
  blocks: {
    limits,
    proxy,
    genai_telemetry: {
      doc: 'Spans about model calls.',
      later: laterWarn('no spans are made'),
      attributes: {
        include_message_content: { type: bool, default: false, doc: 'Put message content into spans.' },
      },
    },
    wireguard,
    tailscale,
    store,
    audit,
  },
};

export const defaultsSpec: BlockSpec = {
  doc: 'What happens when nothing was said.',
  attributes: {
    unmatched: {
      type: oneOf('risk', 'allow', 'deny'),
      default: 'risk',
      doc: 'No rule matched: the risk tier decides, or everything is allowed or denied.',
    },
    unknown_host: {
      type: oneOf('deny', 'passthrough'),
      default: 'deny',
      doc: 'Destinations that no endpoint of the profile claims. passthrough relays to public addresses, without inspection.',
    },
    unknown_private: {
      type: oneOf('deny', 'passthrough'),
      default: 'deny',
      doc: 'RFC 1918, ULA and CGNAT space under unknown_host = "passthrough".',
    },
    llm_fail_mode: {
      type: oneOf('closed', 'open'),
      default: 'closed',
      doc: "Default of a reviewer's on_error: closed denies, open escalates to a person. Neither allows.",
    },
    llm_cache_ttl: { type: seconds, default: 0, doc: "Default of a reviewer's cache_ttl; 0 is off." },
    human_timeout: {
      type: { kind: 'seconds', minMs: SECOND_MS, maxMs: 604_800 * SECOND_MS },
      default: 600 * SECOND_MS,
      defaultText: '600',
      doc: "Default of a person's timeout; also bounds builtin.dashboard.",
    },
    human_on_timeout: {
      type: oneOf('deny', 'escalate', 'allow'),
      default: 'deny',
      doc: "Default of a person's on_timeout. allow is read as deny.",
    },
  },
};

export const grantSpec: NestedSpec = {
  doc: 'The limits of an approval that lasts. Without it every approval is for one action, once.',
  attributes: {
    max_duration: {
      type: { kind: 'duration', maxMs: DAY_MS },
      default: 15 * MINUTE_MS,
      defaultText: '15m',
      doc: 'Longest life of a grant, at most 24h.',
    },
    max_uses: { type: int(1, 10_000), default: 20, doc: 'Most actions that one grant answers.' },
    scopes: {
      type: { kind: 'list', of: oneOf('exact', 'shape'), nonEmpty: true },
      default: ['exact'],
      doc: 'What "like it" may mean: the same bytes, or the same form with literals removed.',
    },
    max_risk: {
      type: oneOf('suspicious', 'destructive'),
      default: 'suspicious',
      doc: 'Highest tier that a grant answers.',
    },
  },
};
