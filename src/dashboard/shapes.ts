// From the program's own types to the JSON of the operator API. Pure; nothing here holds a secret.
import type { Approval, Review } from '../approvals/approval.ts';
import type { AuditRecord } from '../audit/event.ts';
import type { ApprovalJson, ReviewJson } from '../client/approval-shapes.ts';
import type {
  CaJson,
  DiagnosticJson,
  ProfileJson,
  RecordJson,
  RecordRowJson,
  SecretJson,
} from '../client/control-shapes.ts';
import type { Config, EndpointConfig, ProfileConfig } from '../config/config.ts';
import { formatHostPort } from '../config/hosts.ts';
import type { Diagnostic } from '../config/diagnostic.ts';
import type { StoredSecretInfo } from '../credentials/store.ts';
import { shorten } from '../lib/text.ts';

/** RFC 3339, UTC, milliseconds. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** What of one request a list repeats: a thousand whole ones would not fit into an answer. */
const MAX_LISTED_CHARS = 2_000;
/** Of one line. */
const MAX_ROW_CHARS = 240;

/** For a list: long texts are cut, and say so. */
export function listedApprovalJson(approval: Approval): ApprovalJson {
  const whole = approvalJson(approval);
  const { text, parameters } = approval.request;
  const sizeChars =
    approval.factsJson.length + parameters.reduce((sum, value) => sum + (value?.length ?? 0), text.length);
  if (sizeChars <= MAX_LISTED_CHARS) {
    return whole;
  }
  const request: ApprovalJson['request'] = {
    ...whole.request,
    text: text.slice(0, MAX_LISTED_CHARS),
    parameters: [],
    listed_whole: false,
  };
  return { ...whole, request, facts: null };
}

export function approvalJson(approval: Approval): ApprovalJson {
  const { agent, request } = approval;
  const reviews = approval.reviews.map(reviewJson);
  return {
    id: approval.id,
    action_id: approval.actionId,
    session: approval.session,
    state: approval.state,
    created: timeText(approval.createdMs),
    expires: timeText(approval.expiresMs),
    decided: approval.decidedMs === null ? null : timeText(approval.decidedMs),
    risk: approval.risk,
    risk_causes: approval.riskCauses,
    endpoint: approval.endpoint,
    family: approval.family,
    profile: agent.profile,
    device: agent.device,
    run: agent.run,
    agent_ip: agent.ip,
    rule: approval.rule,
    reason: approval.reason,
    approvers: approval.approvers,
    stage: approval.stage,
    approver: approval.approvers[approval.stage] ?? '',
    required: approval.required,
    summary: approval.summary,
    votes: approval.votes.map(({ by, via, decision, atMs, note, digest, breakGlass }) => ({
      by,
      via,
      decision,
      at: timeText(atMs),
      note,
      digest,
      break_glass: breakGlass?.missing ?? null,
    })),
    request: {
      digest: request.digest,
      bytes: request.sizeBytes,
      complete: request.complete,
      text: request.text,
      parameters: request.parameters,
    },
    facts: parseOrNull(approval.factsJson),
    reviewer: reviews.at(-1) ?? null,
    reviews,
    context: approval.alert,
    intent: approval.words === '' ? null : approval.words,
    claim: approval.claim ?? null,
    effect: approval.effect,
    grant_id: approval.grantId,
    grants_made: approval.grantsMade,
    asked: timeText(approval.askedMs),
    alike: approval.alike,
    ended: approval.ended,
    in_transaction: approval.inTransaction,
  };
}

/** A model's assessment. */
function reviewJson(review: Review): ReviewJson {
  const { approver, provider, model, answer, risk, reasons, trouble, detail, cost, cached } = review;
  return {
    approver,
    provider,
    model,
    at: timeText(review.atMs),
    answer,
    risk,
    reasons,
    trouble,
    detail,
    prompt_version: review.promptVersion,
    prompt_digest: review.promptDigest,
    input_tokens: review.inputTokens,
    output_tokens: review.outputTokens,
    cost,
    latency_ms: Math.round(review.latencyMs),
    cached,
  };
}

export function recordJson(record: AuditRecord): RecordJson {
  const { agent } = record;
  const { outcome = null, ...data } = record.data ?? {};
  return {
    seq: record.seq,
    time: timeText(record.timeMs),
    type: record.type,
    action_id: record.actionId,
    session: orNull(record.session),
    device: agent?.device ?? null,
    profile: agent?.profile ?? null,
    run: orNull(agent?.run ?? ''),
    user: orNull(agent?.user ?? ''),
    agent_ip: agent?.ip ?? null,
    transport: agent?.transport ?? null,
    endpoint: orNull(record.endpoint),
    family: orNull(record.family),
    facts: record.factsJson === null ? null : parseOrNull(record.factsJson),
    risk: record.risk,
    verdict: orNull(record.verdict),
    rule: orNull(record.rule),
    approvers: record.approvers,
    by: orNull(record.by),
    reason: orNull(record.reason),
    summary: orNull(record.summary),
    text: record.text,
    text_complete: record.textComplete,
    digest: orNull(record.digest),
    outcome,
    data: record.data === null ? null : data,
    prev: record.prev,
    hash: record.hash,
  };
}

/** What a list of records shows of one; short, whatever the request was. */
export function recordRowJson(record: AuditRecord): RecordRowJson {
  const { agent } = record;
  return {
    seq: record.seq,
    time: timeText(record.timeMs),
    type: record.type,
    action_id: record.actionId,
    device: agent?.device ?? null,
    profile: agent?.profile ?? null,
    endpoint: orNull(record.endpoint),
    family: orNull(record.family),
    risk: record.risk,
    verdict: orNull(record.verdict),
    rule: orNull(record.rule),
    by: orNull(record.by),
    reason: orNull(shorten(record.reason, MAX_ROW_CHARS)),
    summary: orNull(shorten(record.summary, MAX_ROW_CHARS)),
  };
}

/** A finding about a configuration, as the operator API and `--json` give it. */
export function diagnosticJson({ at, severity, code, message, fix }: Diagnostic): DiagnosticJson {
  return {
    file: at.file,
    line: at.line,
    col: at.column,
    end_line: at.endLine,
    end_col: at.endColumn,
    severity,
    code,
    message,
    fix,
  };
}

export function secretJson({ name, slot, updatedMs }: StoredSecretInfo): SecretJson {
  return { name, slot, updated: timeText(updatedMs) };
}

/** The gateway's own certificate authority, as gateway/certificates.ts says it. */
export interface CaInfo {
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly pem: string;
}

export function caJson({ fingerprint, subject, notBeforeMs, notAfterMs }: CaInfo): CaJson {
  return { fingerprint, subject, not_before: timeText(notBeforeMs), not_after: timeText(notAfterMs) };
}

/**
 * How kubectl reaches an endpoint: by its own listener; else, where agents come through a tunnel, under its own name; else by the forward
 * proxy. Null where none of them has a known port.
 */
export function kubernetesAddress(
  { listen, listenTls, hosts }: Pick<EndpointConfig, 'listen' | 'listenTls' | 'hosts'>,
  { proxy, wireguard, tailscale }: Pick<Config['gateway'], 'proxy' | 'wireguard' | 'tailscale'>,
): { readonly server: string; readonly proxy_url: string } | null {
  if (listen !== null && listen.port !== 0) {
    // An address for all interfaces is dialled by a name that the leaf has too.
    const host = /^(?:0\.0\.0\.0|::)$/.test(listen.host) ? 'localhost' : listen.host;
    return {
      server: `${listenTls === 'off' ? 'http' : 'https'}://${formatHostPort(host, listen.port)}`,
      proxy_url: '',
    };
  }
  const target = hosts.find(({ wildcard }) => !wildcard);
  if (target === undefined) {
    return null;
  }
  const server = `https://${formatHostPort(target.host, target.port)}`;
  if (wireguard !== null || tailscale !== null) {
    return { server, proxy_url: '' };
  }
  return proxy === null || proxy.listen.port === 0
    ? null
    : { server, proxy_url: `http://${formatHostPort(proxy.listen.host, proxy.listen.port)}` };
}

export function profileJson(profile: ProfileConfig, config: Config): ProfileJson {
  const wielded = new Set(profile.credentials.map(({ credential }) => credential));
  const endpoints = new Set(config.credentials.filter(({ ref }) => wielded.has(ref)).flatMap((one) => one.endpoints));
  const rules = config.rules
    .filter((rule) => !rule.disabled && rule.endpoints.some((endpoint) => endpoints.has(endpoint)))
    .toSorted((a, b) => b.priority - a.priority || a.order - b.order);
  return {
    name: profile.name,
    description: profile.description,
    credentials: [...wielded],
    endpoints: [...endpoints],
    rules: rules.map((rule) => rule.name),
    // Whoever dials a direct listener is the device `listener/NAME`.
    devices: config.endpoints
      .filter((endpoint) => endpoint.listen !== null && endpoint.profile === profile.name)
      .map((endpoint) => `listener/${endpoint.name}`),
    context: profile.context,
    agent_family: profile.agentFamily,
  };
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
