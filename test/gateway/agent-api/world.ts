// The calls of the gateway's own name over a real configuration and the real protocols, without a gateway.
import assert from 'node:assert/strict';
import type { Approval } from '../../../src/approvals/approval.ts';
import { createClaims } from '../../../src/approvals/claims.ts';
import type { Claims } from '../../../src/approvals/claims.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createMemoryReader } from '../../config/memory-reader.ts';
import { createAgentApi } from '../../../src/gateway/agent-api/api.ts';
import { createLive } from '../../../src/gateway/live.ts';
import type { Live } from '../../../src/gateway/live.ts';
import { NO_CONTEXT } from '../../../src/gateway/judging/judge.ts';
import { protocols } from '../../../src/protocols/all.ts';
import type { OwnAnswer } from '../../../src/protocols/protocol.ts';
import type { Agent } from '../../../src/rules/action.ts';
import { AGENT } from '../../approvals/parts.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeAudit } from '../../support/gate-parts.ts';

export const RESPONDER: Agent = { ...AGENT, profile: 'responder', transport: 'wireguard', run: 'run-1' };

export const CONFIG = `
gateway {
  proxy {
    listen  = "127.0.0.1:3128"
    profile = "responder"
  }
}
defaults { human_timeout = 300 }
endpoint "postgres" "pg" {
  host        = "db.internal.test:5432"
  listen      = "127.0.0.1:15432"
  profile     = "responder"
  description = "orders"
}
endpoint "https" "github" { hosts = ["api.github.com", "*.ghe.test:8443"] }
endpoint "https" "secret-host" { hosts = ["secret.internal.test"] }
credential "postgres_credential" "ro" {
  endpoint = postgres.pg
  user     = "reader"
}
credential "postgres_credential" "rw" {
  endpoint = postgres.pg
  user     = "writer"
}
credential "bearer_token" "gh" {
  endpoint    = https.github
  placeholder = "PLACEHOLDER_gh"
}
credential "passthrough" "secret" { endpoint = https.secret-host }
profile "responder" {
  description = "answers alerts"
  credentials = [postgres_credential.ro, postgres_credential.rw, bearer_token.gh]
}
profile "other" { credentials = [passthrough.secret] }
approver "human_approver" "oncall" {
  timeout     = 600
  on_timeout  = "escalate"
  escalate_to = human_approver.lead
}
approver "human_approver" "lead" { timeout = 300 }
rule "hidden-name" {
  endpoint  = https.github
  condition = "http.method == 'GET' && http.path == '/hidden'"
  verdict   = "deny"
  reason    = "not for agents"
}
rule "only-in-runs" {
  endpoint  = https.github
  condition = "http.path == '/run' && agent.run == 'run-1' && agent.device == 'laptop-7' && time.hour >= 0"
  verdict   = "deny"
  reason    = "asked as this agent"
}
rule "deletes" {
  endpoint  = postgres.pg
  condition = "sql.verb == 'delete'"
  approve   = [human_approver.oncall]
  reason    = "deletes need a person"
}
`;

export interface World {
  readonly audit: FakeAudit;
  readonly clock: FakeClock;
  readonly claims: Claims;
  readonly live: Live;
  readonly faults: unknown[];
  readonly refused: string[];
  readonly pending: Approval[];
  readonly ask: (method: string, path: string, more?: Partial<Asked>) => Promise<OwnAnswer>;
  readonly post: (
    path: string,
    value: unknown,
    agent?: Agent,
  ) => Promise<{ readonly status: number; readonly json: Json }>;
}

export type Json = Readonly<Record<string, unknown>>;

interface Asked {
  readonly agent: Agent;
  readonly accept: string;
  readonly contentType: string;
  readonly body: string | Buffer | null;
}

export async function loadLive(text: string = CONFIG): Promise<Live> {
  const { config, policy, diagnostics } = await loadConfig('gw.hcl', {
    reader: createMemoryReader({ 'gw.hcl': text }),
  });
  assert.ok(config !== null && policy !== null, JSON.stringify(diagnostics));
  return createLive(config, policy);
}

export async function createWorld(text: string = CONFIG): Promise<World> {
  const live = await loadLive(text);
  const clock = new FakeClock();
  const audit = new FakeAudit();
  const claims = createClaims({ clock, audit });
  const faults: unknown[] = [];
  const refused: string[] = [];
  const pending: Approval[] = [];
  const api = createAgentApi({
    clock,
    live: () => live,
    protocols,
    contextOf: (agent) => ({ ...NO_CONTEXT, reason: claims.of(agent)?.intent ?? '' }),
    claims,
    incidents: { lookUp: async (_, id) => (id === 'PKNOWN' ? 'open' : 'no-source') },
    pending: () => pending,
    audit,
    caPem: () => 'PEM',
    fingerprint: () => 'AB:CD',
    version: '1',
    onFault: (error) => faults.push(error),
  });
  const ask: World['ask'] = (method, path, more = {}) => {
    const { agent = RESPONDER, accept = '', contentType = 'application/json', body = '' } = more;
    const [plain = '', query = ''] = path.split('?');
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return api.answer(agent, { method, path: plain, query, accept, contentType, body: bytes }, (cause, detail) =>
      refused.push(`${cause} ${detail}`),
    );
  };
  return {
    audit,
    clock,
    claims,
    live,
    faults,
    refused,
    pending,
    ask,
    async post(path, value, agent = RESPONDER) {
      const { status, body } = await ask('POST', path, { agent, body: JSON.stringify(value) });
      return { status, json: JSON.parse(body) as Json };
    },
  };
}
