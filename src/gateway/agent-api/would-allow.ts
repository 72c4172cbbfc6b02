// "Would this be allowed?": an action that an agent describes is judged by the policy in force as if it came from that agent now. Nothing is run,
// measured, counted or put to anybody, and the answer tells no more than a denial would. It promises nothing: what a live connection knows
// (its search path, its transaction, the state of a session) may change it; which path was taken is in the answer.
import type { ContextOf } from '../judging/judge.ts';
import type { Live } from '../live.ts';
import { judgeOffline } from '../judging/offline.ts';
import type { Judged } from '../judging/offline.ts';
import { sampleText } from '../judging/records.ts';
import { BadSample, parseAction } from '../judging/sample.ts';
import type { HandAction } from '../judging/sample.ts';
import { denialOf, denialOfCut } from '../judging/verdicts.ts';
import { createEvent } from '../../audit/event.ts';
import type { AuditEvent } from '../../audit/event.ts';
import type { Clock } from '../../lib/clock.ts';
import { DEFAULT_SEARCH_PATH, type Protocol } from '../../protocols/protocol.ts';
import type { Agent, Risk } from '../../rules/action.ts';
import { redactText } from '../../rules/redact.ts';
import { createRedactor } from '../../rules/redactor.ts';

export interface Opinion {
  readonly verdict: 'allow' | 'deny' | 'approve' | 'passthrough';
  /** Null where no endpoint claims the destination. */
  readonly tier: Risk | null;
  readonly reason: string;
  /** "" when no rule decided, or it allows. */
  readonly rule: string;
  readonly hint: string;
  /** What a live connection may have otherwise, and which of it was taken; "" where nothing had to be. */
  readonly assumes: string;
}

export interface WouldAllowParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly live: () => Live;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly contextOf: ContextOf;
}

/** A name of 253 characters, in brackets perhaps, and a port. */
const MAX_HOST_CHARS = 300;

const WAITS =
  'It would wait for approval. Say why you need it (POST /intent) before you send it, and keep the connection open.';

/** The answer, and its record. `described`: an action as `explain --jsonl` takes it. Rejects with BadSample. */
export async function wouldAllow(
  agent: Agent,
  described: unknown,
  parts: WouldAllowParts,
): Promise<{ readonly opinion: Opinion; readonly event: AuditEvent }> {
  const live = parts.live();
  const hand = asAgent(parseAction(described, true), agent, live);
  const nowMs = parts.clock.now();
  const judged = await judgeOffline(
    {
      config: live.config,
      policy: live.policy,
      protocols: parts.protocols,
      asked: { agent, common: { ...parts.contextOf(agent), nowMs } },
    },
    hand,
  );
  if (judged.kind === 'unclaimed') {
    const reason = `no endpoint of profile ${agent.profile} claims ${judged.host}`;
    const opinion: Opinion = { verdict: judged.verdict, tier: null, reason, rule: '', hint: '', assumes: '' };
    return { opinion, event: asked(agent, opinion, { summary: judged.host }, nowMs) };
  }
  const opinion = { ...opinionOf(judged), assumes: assumptionOf(judged, hand) };
  const { action, endpoint } = judged;
  const redactor = createRedactor(live.config.gateway.audit.redact);
  const kept = { text: redactText(action, redactor), complete: action.evidence.complete };
  const sample = sampleText(kept, live.config.gateway.limits.bodyStorageBytes);
  const about = {
    endpoint: endpoint.ref,
    family: action.family,
    summary: action.summary,
    text: sample.text,
    textComplete: sample.complete,
  };
  return { opinion, event: asked(agent, opinion, about, nowMs) };
}

/** Who asks is who the connection is of; facts are what the parser finds. */
function asAgent(hand: HandAction, agent: Agent, live: Live): HandAction {
  if (hand.profile !== null || hand.peerIp !== null || hand.run !== null) {
    throw new BadSample('leave out profile, peer_ip and run: they are those of this connection');
  }
  if (hand.family === 'sql' && ['verb', 'tables', 'functions'].some((name) => hand.fields[name] !== undefined)) {
    throw new BadSample('leave out verb, tables and functions: they are read from the statement');
  }
  if (hand.host !== null && hand.host.length > MAX_HOST_CHARS) {
    throw new BadSample('no host is so long');
  }
  if (hand.endpoint === null && hand.host === null) {
    // What the command line says here lists every endpoint there is.
    throw new BadSample('name the endpoint or the host: GET /manifest lists yours');
  }
  const reached = live.config.endpoints.filter(({ ref }) => live.reaches(agent.profile, ref));
  const endpoint = reached.find(({ ref, name }) => hand.endpoint === ref || hand.endpoint === name);
  if (hand.endpoint !== null && endpoint === undefined) {
    throw new BadSample('none of your endpoints is called so: GET /manifest lists them', 'unknown-endpoint');
  }
  const held = live.profiles.get(agent.profile)?.credentials.map(({ credential }) => credential) ?? [];
  const named = held.find((ref) => ref === hand.credential || ref.endsWith(`.${hand.credential ?? ''}`));
  if (hand.credential !== null && named === undefined) {
    throw new BadSample('none of your credentials is called so: GET /manifest lists them');
  }
  return {
    ...hand,
    endpoint: endpoint?.ref ?? null,
    credential: named ?? null,
    profile: agent.profile,
    run: agent.run,
    peerIp: agent.ip,
  };
}

/** The description is no connection: what names without a schema mean there is not known here. */
function assumptionOf({ endpoint }: Judged, { fields }: HandAction): string {
  if (endpoint.type !== 'postgres') {
    return '';
  }
  const given = fields['search_path'];
  const path = (Array.isArray(given) ? given : DEFAULT_SEARCH_PATH).join(', ');
  const what = `names without a schema were looked up in search_path ${path}, outside of a transaction`;
  return given === undefined ? `${what}; if your connection has another path, say sql.search_path` : what;
}

function opinionOf({ action, decision }: Judged): Omit<Opinion, 'assumes'> {
  const tier = action.risk;
  switch (decision.kind) {
    case 'allow':
      return { verdict: 'allow', tier, reason: '', rule: '', hint: '' };
    case 'deny': {
      const { reason, rule, hint } = denialOf(decision);
      return { verdict: 'deny', tier, reason, rule, hint };
    }
    case 'approve': {
      if (action.family !== 'http' && !action.evidence.complete) {
        const { reason, rule, hint } = denialOfCut(decision);
        return { verdict: 'deny', tier, reason, rule, hint };
      }
      return { verdict: 'approve', tier, reason: decision.reason, rule: decision.rule, hint: WAITS };
    }
  }
}

function asked(
  agent: Agent,
  { verdict, tier, rule }: Opinion,
  about: Partial<Pick<AuditEvent, 'endpoint' | 'family' | 'summary' | 'text' | 'textComplete'>>,
  timeMs: number,
): AuditEvent {
  // The columns of a decision stay empty: nothing was decided.
  return createEvent('context.asked', timeMs, { agent, by: 'agent', ...about, data: { would: verdict, tier, rule } });
}
