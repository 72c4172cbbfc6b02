// Schema of `tunnel "TYPE" "NAME" {}` and `plugin "NAME" {}` (config reference, 1.9 and 1.10).
import {
  formOf,
  int,
  laterWarn,
  MINUTE_MS,
  oneOf,
  path,
  refTo,
  SECOND_MS,
  secretText,
  strings,
  text,
  url,
} from './schema-types.ts';
import type { AttributeSpec, BlockSpec } from './schema-types.ts';

const keepalive: AttributeSpec = {
  type: { kind: 'duration', minMs: 0, words: { always: 0 } },
  default: 5 * MINUTE_MS,
  defaultText: '5m',
  doc: 'How long an unused tunnel stays open; 0 and always: for ever.',
};

function common(share: 'singleton' | 'per_endpoint'): Readonly<Record<string, AttributeSpec>> {
  return {
    share: {
      type: oneOf('singleton', 'per_endpoint', 'per_conn'),
      default: share,
      doc: 'Whether one tunnel serves all, each endpoint or each connection.',
    },
    keepalive,
    credential: { type: refTo('credential'), doc: 'Credential of the tunnel itself.' },
    via: {
      type: refTo('tunnel'),
      later: laterWarn('endpoints behind the chain refuse their traffic'),
      doc: 'Tunnel through which this one is opened.',
    },
  };
}

/** Tunnel types by their label. */
export const tunnelTypes: Readonly<Record<string, BlockSpec>> = {
  local_command: {
    doc: 'A program that listens locally.',
    attributes: {
      ...common('singleton'),
      command: { type: { kind: 'list', of: text, nonEmpty: true }, required: true, doc: 'Program and arguments.' },
      listen: { type: formOf('address'), required: true, doc: 'Where the program listens.' },
      ready_probe: { type: oneOf('tcp', 'none'), default: 'tcp', doc: 'How readiness is told.' },
      ready_timeout: {
        type: { kind: 'duration' },
        default: 30 * SECOND_MS,
        defaultText: '30s',
        doc: 'How long it may take to be ready.',
      },
      env: { type: { kind: 'map' }, default: {}, doc: 'Variables beside PATH, HOME and LANG.' },
    },
  },
  kubernetes_port_forward: {
    doc: 'A port of a pod.',
    exactlyOne: [['pod', 'service', 'selector', 'template']],
    attributes: {
      ...common('per_endpoint'),
      pod: { type: text, doc: 'Pod by name.' },
      service: { type: text, doc: 'Service by name.' },
      selector: { type: { kind: 'map' }, doc: 'Pods by label.' },
      template: { type: { kind: 'string', markers: true }, doc: 'Manifest of a pod to make.' },
      port: { type: int(1, 65_535), required: true, doc: 'Port in the pod.' },
      context: { type: text, doc: 'Context of the kubeconfig.' },
      namespace: { type: text, doc: 'Namespace.' },
      cleanup: { type: oneOf('delete', 'keep'), default: 'delete', doc: 'What becomes of objects it made.' },
      server: { type: formOf('host-or-url'), doc: 'API server, in place of a kubeconfig.' },
      ca_cert: { type: { kind: 'string', form: 'pem', markers: true }, doc: 'PEM of its CA, or a file marker.' },
      cluster_name: { type: text, doc: 'EKS cluster; with region.' },
      region: { type: text, doc: 'EKS region; with cluster_name.' },
    },
  },
  ssh_port_forward: {
    doc: 'A direct-tcpip channel through an SSH server.',
    attributes: {
      ...common('singleton'),
      bastion: { type: { kind: 'host', wildcards: false }, doc: 'SSH server; required unless via.' },
      user: { type: text, required: true, doc: 'User on it.' },
      credential: { type: refTo('credential', 'ssh_key'), required: true, doc: 'Key for it.' },
      host_key: {
        type: { kind: 'list', of: { kind: 'string', form: 'host-key', markers: true } },
        default: [],
        defaultText: 'first key seen is kept',
        doc: 'Accepted host keys.',
      },
    },
  },
  tailscale: {
    doc: 'A tailnet node.',
    later: laterWarn('endpoints behind it refuse their traffic'),
    attributes: {
      ...common('singleton'),
      authkey: { type: secretText, doc: 'Auth key.' },
      oauth_client_secret: { type: secretText, doc: 'OAuth client secret; needs tags.' },
      control_url: { type: url, doc: 'Control server.' },
      hostname: { type: text, doc: 'Name of the node.' },
      state_dir: { type: path, doc: 'State of the node.' },
      tags: { type: strings, default: [], doc: 'Tags of the node.' },
    },
  },
};

export const pluginSpec: BlockSpec = {
  doc: 'A plugin.',
  later: { mode: 'refuse', until: 'remove the block' },
  attributes: {
    source: { type: text, required: true, doc: 'Where it comes from.' },
    version: { type: text, doc: 'Version.' },
    provenance: { type: oneOf('warn', 'require', 'off'), doc: 'Check of its origin.' },
    network: { type: oneOf('none', 'outbound'), doc: 'What it may reach.' },
    sandbox: { type: oneOf('enforce', 'off'), doc: 'Its sandbox.' },
    read_paths: { type: strings, doc: 'Paths it may read.' },
  },
};
