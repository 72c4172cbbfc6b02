// Puts the session's requests to the gate: what the analysis makes of them, which of them nobody may be asked about, and whether stdin has
// to be there first.
import { uuidv7 } from '../../lib/ids.ts';
import { Unknown } from '../../rules/action.ts';
import type { Action, Agent, Endpoint, Evidence, Risk, SessionId, Unit } from '../../rules/action.ts';
import type { ServeContext, Waiting } from '../protocol.ts';
import type { Verdict } from '../session.ts';
import type { SshAnalyser, SshAnalysis } from './facts.ts';
import type { Answer, Pending } from './host.ts';
import type { SshRequest } from './request.ts';

/** Verbs of which an approver would see nothing: refused where no rule of the endpoint speaks of them (fact reference, 7.10). */
const UNSEEN: readonly string[] = [
  'shell',
  'pty',
  'agent_forward',
  'x11',
  'forward',
  'remote_forward',
  'socket_forward',
];
/** Those of them that `forward = true` opens to the tiers. */
const FORWARDS: readonly string[] = ['forward', 'remote_forward', 'socket_forward'];

export interface JudgingParts {
  readonly context: Pick<ServeContext, 'gate' | 'config' | 'clock' | 'names' | 'forbids' | 'reads'>;
  readonly analyser: SshAnalyser;
  readonly session: SessionId;
  readonly agent: Agent;
  /** With the upstream host that was chosen. */
  readonly endpoint: Endpoint;
  /** Of the credential that the gateway has logged in with. */
  readonly credential: string | null;
}

export class Judging {
  readonly #parts: JudgingParts;
  readonly #open = new Set<AbortController>();

  constructor(parts: JudgingParts) {
    this.#parts = parts;
  }

  judge(request: SshRequest, answer: Answer): Pending {
    const { context, analyser } = this.#parts;
    const config = context.config();
    const analysis = analyser.analyse(request, config);
    const action = new SshAction(this.#parts, analysis, analysis.refused ?? this.#unseen(request, analysis));
    const abort = new AbortController();
    const waiting: Waiting = { signal: abort.signal, parked: (notice) => answer.parked?.(notice) };
    const verdict = context.gate.decide(action, () => waiting);
    if (verdict instanceof Promise) {
      this.#open.add(abort);
      // Owned: a gate never rejects.
      void this.#wait(verdict, abort, (settled) => answer.decided(settled, action));
    } else {
      answer.decided(verdict, action);
    }
    return { withdraw: () => abort.abort() };
  }

  async #wait(verdict: Promise<Verdict>, abort: AbortController, decided: (verdict: Verdict) => void): Promise<void> {
    const settled = await verdict;
    this.#open.delete(abort);
    decided(settled);
  }

  needsStdin(request: SshRequest): boolean {
    const { context, analyser } = this.#parts;
    return analyser.needsStdin(request, context.config(), (fact) => this.#asksFor(request, fact));
  }

  /** Takes back whatever is still open. */
  withdraw(): void {
    this.#open.forEach((abort) => abort.abort());
  }

  /** Why nobody is asked about it, or null. */
  #unseen(request: SshRequest, { units }: SshAnalysis): string | null {
    const { context, credential } = this.#parts;
    const open = context.config().attributes['forward'] === true ? FORWARDS : [];
    const scripted = 'stdin' in request && request.stdin.kind === 'whole';
    for (const unit of units) {
      const verb = unit.facts.get('ssh.verb');
      if (
        typeof verb === 'string' &&
        UNSEEN.includes(verb) &&
        !open.includes(verb) &&
        !(verb === 'shell' && scripted) &&
        !context.names(credential, 'ssh.verb', verb)
      ) {
        return `no rule of this endpoint speaks of ssh.verb "${verb}", and there is nothing of it that a person could judge`;
      }
    }
    return null;
  }

  /** Whether the rules come to a word without the fact. They are asked with the fact unknown, and it is noticed whether they look. */
  #asksFor(request: SshRequest, fact: string): boolean {
    const { context, analyser, credential } = this.#parts;
    if (!context.reads(credential, fact)) {
      return false;
    }
    let asked = false;
    const watch = (unit: Unit): Unit => ({
      ...unit,
      facts: {
        get: (name) => {
          if (name !== fact) {
            return unit.facts.get(name);
          }
          asked = true;
          return new Unknown('incomplete');
        },
      },
    });
    const analysis = analyser.analyse(request, context.config());
    context.forbids(new SshAction(this.#parts, { ...analysis, units: analysis.units.map(watch) }, null));
    return asked;
  }
}

/** One request to be judged. */
class SshAction implements Action {
  readonly id: string;
  readonly session: SessionId;
  readonly agent: Agent;
  readonly endpoint: Endpoint;
  readonly family = 'ssh';
  readonly credential: string | null;
  readonly units: readonly Unit[];
  readonly risk: Risk;
  readonly summary: string;
  readonly evidence: Evidence;
  readonly phase = 'execute';
  readonly refused: string | null;
  // Facts of commands hang on the environment of the channel, so that nothing is the same for two of them.
  readonly memo = null;

  constructor(parts: JudgingParts, analysis: SshAnalysis, refused: string | null) {
    this.id = uuidv7(parts.context.clock.now());
    this.session = parts.session;
    this.agent = parts.agent;
    this.endpoint = parts.endpoint;
    this.credential = parts.credential;
    this.units = analysis.units;
    this.risk = analysis.risk;
    this.summary = analysis.summary;
    this.evidence = analysis.evidence;
    this.refused = refused;
  }
}
