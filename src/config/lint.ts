// What a reviewer would ask about a configuration that loads (config reference, 6.4), as far as the configuration alone tells.
// Findings about conditions are in rules/lint.ts; two credentials on one variable are a warning of the load itself.
import { familyOfReviewer } from './check-reviewers.ts';
import type { AttributeValue, Config, EndpointConfig, RuleOutcome } from './config.ts';
import type { Diagnostic, Span } from './diagnostic.ts';
import { isLoopbackHost } from './hosts.ts';
import { isIdentifier } from './names.ts';
import { Report } from './report.ts';
import type { Finding } from './report.ts';
import { gatewaySpec } from './schema-gateway.ts';
import { contextTypes, notifierTypes } from './schema-people.ts';
import { endpointTypes } from './schema-endpoints.ts';
import { tunnelTypes } from './schema-tunnels.ts';
import type { BlockSpec } from './schema-types.ts';
import { findSharedDomain } from './shared-domains.ts';
import { findUnused } from './unused.ts';
import { holdsSecretReference } from './value-forms.ts';

/** All findings, by file name, line and column. */
export function lintConfig(config: Config): readonly Diagnostic[] {
  const lint = new Lint(config);
  lint.unused();
  lint.names();
  lint.secrets();
  lint.upstreams();
  lint.catchAll();
  lint.reviews();
  return lint.findings();
}

class Lint {
  readonly #config: Config;
  readonly #report = new Report();

  constructor(config: Config) {
    this.#config = config;
  }

  findings(): readonly Diagnostic[] {
    const found = this.#report.sorted(new Map());
    const files = [...new Set(found.map(({ at }) => at.file))].toSorted();
    return this.#report.sorted(new Map(files.map((file, index) => [file, index])));
  }

  #add(at: Span, finding: Finding): void {
    this.#report.warning(at, finding);
  }

  #place(ref: string, attribute: string, otherwise: Span): Span {
    return this.#config.places?.get(`${ref}#${attribute}`) ?? otherwise;
  }

  unused(): void {
    for (const { kind, ref, at, why } of findUnused(this.#config)) {
      const fix =
        kind === 'tunnel' || kind === 'endpoint' ? 'use it, or remove it' : `name it where it is wanted, or remove it`;
      this.#add(at, { code: 'unused', message: `${kind} ${ref} is reached by nothing: ${why}`, fix });
    }
  }

  /** A name that is no identifier can be referred to in quotes only. */
  names(): void {
    const { profiles, endpoints, credentials, approvers, tunnels, notifiers, contexts } = this.#config;
    for (const { name, at } of [
      ...profiles,
      ...endpoints,
      ...credentials,
      ...approvers,
      ...tunnels,
      ...notifiers,
      ...contexts,
    ]) {
      if (!isIdentifier(name)) {
        const message = `"${name}" can be referred to in quotes only`;
        const fix = 'begin with a letter and write letters, digits, "_" and "-"';
        this.#add(at, { code: 'awkward-name', message, fix });
      }
    }
  }

  secrets(): void {
    const { contexts, endpoints, gateway, notifiers, tunnels } = this.#config;
    const start: Span = { file: this.#config.files[0] ?? '', line: 1, column: 1, endLine: 1, endColumn: 1 };
    this.#literal('gateway.audit.checkpoint', 'key', { value: gateway.audit.checkpoint.key, at: start });
    const tailscale = gatewaySpec.blocks?.['tailscale'];
    if (tailscale !== undefined && gateway.tailscale !== null) {
      this.#literals(tailscale, { ref: 'gateway.tailscale', attributes: gateway.tailscale, at: start });
    }
    for (const notifier of notifiers) {
      this.#literals(notifierTypes[notifier.type], notifier);
    }
    for (const context of contexts) {
      this.#literals(contextTypes[context.type], context);
    }
    for (const tunnel of tunnels) {
      this.#literals(tunnelTypes[tunnel.type], tunnel);
    }
    for (const endpoint of endpoints) {
      this.#literals(endpointTypes[endpoint.type], endpoint);
    }
  }

  #literals(
    spec: BlockSpec | undefined,
    block: { readonly ref: string; readonly attributes: Readonly<Record<string, AttributeValue>>; readonly at: Span },
  ): void {
    for (const [name, { type }] of Object.entries(spec?.attributes ?? {})) {
      if (type.kind === 'string' && type.secret === true) {
        this.#literal(block.ref, name, { value: block.attributes[name] ?? null, at: block.at });
      }
    }
  }

  #literal(ref: string, name: string, { value, at }: { readonly value: AttributeValue; readonly at: Span }): void {
    if (typeof value === 'string' && value !== '' && !holdsSecretReference(value)) {
      const message = `"${name}" holds a secret in the file`;
      const fix = 'write {{secret:NAME}}, {{secret:file:/PATH}} or {{secret:store:NAME}}';
      this.#add(this.#place(ref, name, at), { code: 'literal-secret', message, fix });
    }
  }

  upstreams(): void {
    for (const endpoint of this.#config.endpoints) {
      this.#tls(endpoint);
      this.#hostKey(endpoint);
      this.#wildcards(endpoint);
    }
    for (const { type, ref, attributes, at } of this.#config.tunnels) {
      const keys = attributes['host_key'];
      if (type === 'ssh_port_forward' && Array.isArray(keys) && keys.length === 0) {
        const message = `${ref} keeps the first host key it sees`;
        this.#add(at, { code: 'host-key-unpinned', message, fix: 'write host_key = ["SHA256:…"]' });
      }
    }
  }

  #tls(endpoint: EndpointConfig): void {
    const { type, ref, attributes, at, hosts } = endpoint;
    if (hosts.every(({ host }) => isLoopbackHost(host))) {
      return;
    }
    const sslmode = attributes['sslmode'];
    if (type === 'postgres' && typeof sslmode === 'string' && !sslmode.startsWith('verify-')) {
      const message = `sslmode "${sslmode}" does not verify that ${ref} is who it says`;
      this.#add(this.#place(ref, 'sslmode', at), {
        code: 'sslmode-weak',
        message,
        fix: 'write sslmode = "verify-full"',
      });
    }
    if (
      type === 'clickhouse_native' &&
      (attributes['tls'] !== true || attributes['accept_invalid_certificate'] === true)
    ) {
      const attribute = attributes['tls'] === true ? 'accept_invalid_certificate' : 'tls';
      const message = `nothing verifies that ${ref} is who it says`;
      const fix = 'write tls = true and leave accept_invalid_certificate out';
      this.#add(this.#place(ref, attribute, at), { code: 'sslmode-weak', message, fix });
    }
  }

  #hostKey({ type, ref, attributes, at }: EndpointConfig): void {
    const keys = attributes['host_key'];
    const bound = this.#config.credentials.filter(({ endpoints }) => endpoints.includes(ref));
    const pinned = bound.some(({ secrets }) => Object.hasOwn(secrets, 'host_pubkey'));
    if (type === 'ssh' && Array.isArray(keys) && keys.length === 0 && !pinned) {
      const message = `${ref} keeps the first host key it sees`;
      this.#add(at, { code: 'host-key-unpinned', message, fix: 'write host_key = ["SHA256:…"]' });
    }
  }

  #wildcards({ ref, hosts, at }: EndpointConfig): void {
    const injected = this.#config.credentials.some(
      ({ endpoints, slots }) => endpoints.includes(ref) && slots.length > 0,
    );
    for (const { host, wildcard } of injected ? hosts : []) {
      const shared = wildcard ? findSharedDomain(host.slice(2)) : null;
      if (shared !== null) {
        const message = `a secret is sent to every host below ${host.slice(2)}, and anyone can have a host below ${shared}`;
        const fix = 'list the hosts that are meant';
        this.#add(this.#place(ref, 'hosts', at), { code: 'shared-domain-wildcard', message, fix });
      }
    }
  }

  catchAll(): void {
    for (const { ref, unmatched, at } of this.#config.endpoints) {
      const rules = this.#config.rules.filter(({ endpoints, disabled }) => endpoints.includes(ref) && !disabled);
      const last = rules.some(({ condition, credential }) => condition === null && credential === null);
      if (rules.length > 0 && !last && unmatched === 'allow') {
        const message = `whatever no rule of ${ref} matches is allowed`;
        const fix = 'add a rule without condition, or write unmatched = "risk"';
        this.#add(this.#place(ref, 'unmatched', at), { code: 'no-catch-all', message, fix });
      }
    }
  }

  reviews(): void {
    const { approvers } = this.#config;
    const models = new Map(
      approvers.flatMap((approver) => (approver.type === 'llm_approver' ? [[approver.ref, approver]] : [])),
    );
    for (const reviewer of models.values()) {
      const family = familyOfReviewer(reviewer);
      const same = this.#config.profiles.find(({ agentFamily }) => agentFamily !== null && agentFamily === family);
      if (same !== undefined && this.#asked(reviewer.ref)) {
        const message = `${reviewer.ref} and the agents of profile "${same.name}" are of the family "${family ?? ''}"`;
        const fix = 'choose a model of another family';
        this.#add(this.#place(reviewer.ref, 'model', reviewer.at), { code: 'weak-review', message, fix });
      }
    }
  }

  #asked(ref: string): boolean {
    const asks = (outcome: RuleOutcome): boolean => outcome.kind === 'approve' && outcome.approvers.includes(ref);
    return [...this.#config.rules, ...Object.values(this.#config.risks)].some(({ outcome }) => asks(outcome));
  }
}
