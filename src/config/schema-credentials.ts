// Schema of `credential "TYPE" "NAME" {}` and of its `secret` block (config reference, 1.5 and 2.6).
import { bool, duration, formOf, laterWarn, listOf, MINUTE_MS, oneOf, refTo, SECOND_MS, text } from './schema-types.ts';
import type { AttributeSpec, BlockSpec, NestedSpec } from './schema-types.ts';

export type Disambiguator = 'placeholder' | 'user' | 'database';

/** What the loader must know of a credential type beside its attributes. */
export interface CredentialType extends BlockSpec {
  readonly slots: readonly { readonly name: string; readonly required: boolean }[];
  /** What may tell several credentials of this type apart at one endpoint. */
  readonly by: readonly Disambiguator[];
  /** Endpoint types it can serve. */
  readonly fits: readonly string[];
}

const HTTP: readonly string[] = ['https', 'openai_codex_https', 'kubernetes', 'clickhouse_https'];
const ANY: readonly string[] = [...HTTP, 'postgres', 'clickhouse_native', 'ssh'];

const secret: NestedSpec = {
  doc: "Where the value of one slot comes from. The label is the slot's name; none: the unnamed slot.",
  labels: 'optional-slot',
  many: true,
  exactlyOne: [['env', 'file', 'command', 'store']],
  attributes: {
    env: {
      type: formOf('env-name'),
      doc: 'Variable, read at load and reload; a value beginning with @ names a file.',
    },
    file: { type: formOf('absolute-path'), doc: 'File, read when needed; one trailing newline is dropped.' },
    command: {
      type: { kind: 'list', of: text, nonEmpty: true },
      doc: 'Program and arguments, no shell; its output less one trailing newline.',
    },
    store: { type: text, doc: 'Name in the encrypted store.' },
    pass_env: {
      type: listOf(formOf('env-name')),
      default: [],
      doc: 'Variables that the command gets beside PATH, HOME and LANG.',
    },
    timeout: { type: duration, default: 10 * SECOND_MS, defaultText: '10s', doc: 'Longest run of the command.' },
    ttl: {
      type: duration,
      default: 15 * MINUTE_MS,
      defaultText: '15m',
      doc: 'How long the output serves; after it a failed renewal refuses.',
    },
  },
};

const common: Readonly<Record<string, AttributeSpec>> = {
  endpoint: { type: refTo('endpoint'), doc: 'The endpoint it is for.' },
  endpoints: { type: listOf(refTo('endpoint')), doc: 'The endpoints it is for.' },
  description: { type: text, default: '', doc: 'Shown to people.' },
};

const placeholder: AttributeSpec = {
  type: text,
  doc: 'What an agent sends in place of the secret; it picks this credential among several.',
};

interface Parts {
  readonly doc: string;
  readonly own?: Readonly<Record<string, AttributeSpec>>;
  /** Slot names, `?` behind an optional one. */
  readonly slots?: readonly string[];
  readonly by?: readonly Disambiguator[];
  readonly fits?: readonly string[];
  readonly later?: string;
}

function credential({ doc, own = {}, slots = [''], by = ['placeholder'], fits = HTTP, later }: Parts): CredentialType {
  return {
    doc,
    attributes: { ...common, ...(by.includes('placeholder') ? { placeholder } : {}), ...own },
    blocks: slots.length === 0 ? {} : { secret },
    exclusive: [['endpoint', 'endpoints']],
    slots: slots.map((slot) => ({ name: slot.replace('?', ''), required: !slot.endsWith('?') })),
    by,
    fits,
    ...(later === undefined ? {} : { later: laterWarn(later) }),
  };
}

const login: Readonly<Record<string, AttributeSpec>> = {
  user: { type: text, doc: 'Role to log in as; without it, the one that the agent named.' },
  database: { type: text, doc: 'Serves only sessions that name this database.' },
};

/** Credential types by their label. */
export const credentialTypes: Readonly<Record<string, CredentialType>> = {
  bearer_token: credential({
    doc: 'Authorization: Bearer.',
    own: {
      idempotency_key: {
        type: bool,
        default: false,
        doc: "Adds an Idempotency-Key, derived from the whole request's digest, to writes that have none; bodies over limits.body_buffer get none.",
      },
    },
  }),
  basic_auth: credential({
    doc: 'Authorization: Basic.',
    own: { username: { type: text, required: true, doc: 'User name.' } },
  }),
  header_token: credential({
    doc: 'One header, overwritten.',
    own: {
      header: { type: formOf('header-name'), required: true, doc: 'Header name.' },
      prefix: { type: text, default: '', doc: 'Text before the secret.' },
    },
  }),
  cookie_token: credential({
    doc: "One cookie; the agent's of that name is removed.",
    own: { cookie_name: { type: formOf('header-name'), required: true, doc: 'Cookie name.' } },
  }),
  mtls_credential: credential({
    doc: 'Client certificate on the upstream dial.',
    slots: ['cert', 'key', 'ca?'],
    by: [],
  }),
  anthropic_manual_key: credential({ doc: 'x-api-key.' }),
  gemini_api_key: credential({ doc: 'x-goog-api-key, and query "key" when sent.' }),
  anthropic_oauth_subscription: credential({ doc: 'Bearer with the beta header.' }),
  github_oauth: credential({ doc: 'Bearer; Basic on git paths.' }),
  openai_codex_oauth: credential({ doc: 'Bearer with the account id header.' }),
  notion_oauth: credential({ doc: 'Bearer with the version header.' }),
  notion_mcp_oauth: credential({ doc: 'Bearer with the version header, for MCP.' }),
  slack_tokens: credential({
    doc: "Bot or app token by path; also a notifier's credential.",
    slots: ['bot', 'app?', 'signing_secret?'],
  }),
  telegram_bot_token: credential({
    doc: 'Token in the path segment.',
    later: 'requests that need it are refused',
  }),
  discord_bot_token: credential({ doc: 'Token in the Authorization header.' }),
  aws_credential: credential({
    doc:
      'EKS bearer on kubernetes; elsewhere the request is signed again (SigV4) in place of the signature that the agent made with keys ' +
      "of no worth: for that signature's service and region, which must be the host's.",
    own: {
      unsigned_payload: {
        type: bool,
        default: false,
        doc: 'Signs uploads without their body where the agent did (UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER); without it they are refused when they are too long to be hashed.',
      },
    },
    slots: ['access_key_id', 'secret_access_key', 'session_token?'],
    by: [],
  }),
  google_gke_credential: credential({
    doc: 'OAuth access token from the service account.',
    slots: ['sa_key'],
    by: [],
    fits: ['kubernetes', 'https'],
  }),
  kubeconfig_credential: credential({
    doc:
      "What a kubeconfig's user proves itself with: token, name and password, client certificate, or a credential plugin (exec), which is run " +
      "when its last answer is about to expire; the cluster's CA is trusted where the endpoint names no ca_cert.",
    own: {
      context: { type: text, doc: 'Context of the kubeconfig; without it, the current one.' },
      in_cluster: {
        type: bool,
        default: false,
        doc: 'The service account of the pod that the gateway runs in, in place of a kubeconfig.',
      },
    },
    slots: ['?'],
    by: [],
    fits: ['kubernetes'],
  }),
  postgres_credential: credential({
    doc: 'Role and password.',
    own: {
      ...login,
      auth_methods: {
        type: { kind: 'list', of: oneOf('scram-sha-256', 'md5', 'cleartext', 'trust'), nonEmpty: true },
        default: ['scram-sha-256', 'trust'],
        doc: 'How the upstream may ask the gateway to prove itself; md5 and cleartext hand out more than a proof.',
      },
    },
    by: ['user', 'database'],
    fits: ['postgres'],
  }),
  clickhouse_credential: credential({
    doc: 'User and password; over HTTP in headers, never in the URL.',
    own: login,
    by: ['user', 'database'],
    fits: ['clickhouse_native', 'clickhouse_https'],
  }),
  ssh_key: credential({
    doc: 'Upstream authentication; a key, a password or an agent socket is required.',
    own: {
      user: { type: text, doc: 'Serves only sessions of this user.' },
      agent_socket: {
        type: formOf('absolute-path'),
        doc: 'Socket of an SSH agent on the gateway whose keys are tried after private_key.',
      },
    },
    slots: ['private_key?', 'passphrase?', 'certificate?', 'password?', 'host_pubkey?'],
    by: ['user'],
    fits: ['ssh'],
  }),
  tailscale_auth: credential({
    doc: 'State of a tailnet node, for tunnels.',
    slots: ['state'],
    by: [],
    fits: [],
    later: 'the tunnel is not opened',
  }),
  passthrough: credential({
    doc: 'Nothing is injected; declares that an endpoint needs no credential.',
    slots: [],
    by: [],
    fits: ANY,
  }),
};

/** Types whose value is a token in an HTTP header: what a reviewer model's credential may be. */
export const HTTP_HEADER_CREDENTIALS: readonly string[] = Object.keys(credentialTypes).filter((type) =>
  credentialTypes[type]?.by.includes('placeholder'),
);
