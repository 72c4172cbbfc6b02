// Finds in the log what belongs to an incident, a task, a trace or an action, in bounded steps.
import {
  AUDIT_EVENT_TYPES,
  INCIDENT_TYPES,
  type AuditEventType,
  type AuditFilter,
  type AuditRecord,
} from '../audit/event.ts';
import type { AuditLog } from '../audit/log.ts';
import {
  approvalOf,
  belongsTo,
  chooseActions,
  chooseStrands,
  claimOfAction,
  groupByWork,
  idsOf,
  loneStrand,
  makeChain,
  strandsOf,
  type ChainAction,
  type ChainNode,
  type Strand,
} from './causal.ts';
import { traceOf } from '../lib/trace.ts';
import { identityOf, UUID, type ActionClaimJson } from './claims.ts';
import { incidentOf, type Incident } from './incidents.ts';

/** Each record may hold a whole request: small pages, and so much of requests in all. */
const PAGE = 100;
const MAX_CHARS = 32 * 1024 * 1024;
/** Records of claims, of incidents, and of one agent's stretch of work that are looked through. */
const MAX_CLAIM_PAGES = 40;
const MAX_STRAND_PAGES = 30;
const MAX_GUESS_PAGES = 10;
const MAX_STRANDS = 64;
const MAX_ACTIONS = 400;
/** Steps from an action up to the one that led to it. */
const MAX_CLIMB = 16;

export interface Chain {
  readonly subject: 'incident' | 'task' | 'trace' | 'action';
  readonly id: string;
  readonly incident: Incident | null;
  readonly tree: readonly ChainNode[];
  readonly agents: number;
  readonly actions: number;
  /** There is more than is told here. */
  readonly cut: boolean;
  /** Wall clock of the first and last record of it; null when there is none. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | null;
}

export interface ChainReaderParts {
  readonly audit: Pick<AuditLog, 'search' | 'show'>;
  /** Those that are known now. */
  readonly incidents: () => readonly Incident[];
}

/** Null when nothing has that id. `source` tells incidents of one id apart. */
export async function readChain(
  id: string,
  parts: ChainReaderParts,
  source: string | null = null,
): Promise<Chain | null> {
  return new ChainReader(parts).read(id, source);
}

/** What became of an action, from its decision to its end. */
const ACTION_TYPES: readonly AuditEventType[] = [
  'action.decided',
  'action.settled',
  ...AUDIT_EVENT_TYPES.filter((type) => type.startsWith('approval.')),
];

class ChainReader {
  readonly #parts: ChainReaderParts;
  #cut = false;
  readonly #chosen: Strand[] = [];
  readonly #actions: ChainAction[][] = [];
  readonly #seen = new Set<string>();
  #count = 0;
  #chars = 0;

  constructor(parts: ChainReaderParts) {
    this.#parts = parts;
  }

  async read(id: string, source: string | null): Promise<Chain | null> {
    const said = await this.#pages({ types: ['context.claimed'] }, { pages: MAX_CLAIM_PAGES, newestFirst: true });
    const strands = strandsOf(said);
    // First, since agents may call an incident or a task whatever they like: also as the id of an action that it would then hide.
    if (source === null && UUID.test(id) && (await this.#show(id)) !== null) {
      return this.#readAction(id, strands, said);
    }
    const changes = await this.#changesOf(id, source);
    const incident = this.#findIncident(id, source, changes);
    const trace = source === null && incident === null ? traceKey(id) : '';
    if (trace !== '' && (await this.#readTrace(trace, strands))) {
      return this.#chainOf({ subject: 'trace', id: trace, incident: null }, { said, changes: [] });
    }
    if (incident !== null || strands.some((strand) => strand.incident === id)) {
      await this.#follow(strands, (strand) => strand.incident === id);
      await this.#guesses(id, incident, strands);
      return this.#chainOf({ subject: 'incident', id, incident }, { said, changes });
    }
    if (strands.some(({ task }) => task === id)) {
      await this.#follow(strands, ({ task }) => task === id);
      return this.#chainOf({ subject: 'task', id, incident: null }, { said, changes: [] });
    }
    return this.#readAction(id, strands, said);
  }

  /** What was done in a trace, and what that led to; false when nothing was. */
  async #readTrace(trace: string, strands: readonly Strand[]): Promise<boolean> {
    const filter: AuditFilter = { types: ['action.decided'], trace };
    const found = await this.#pages(filter, { pages: MAX_STRAND_PAGES, newestFirst: false });
    const ids = [...new Set(found.flatMap(({ actionId }) => actionId ?? []))];
    const actions: ChainAction[] = [];
    for (const id of ids.slice(0, MAX_ACTIONS)) {
      const action = await this.#show(id);
      actions.push(...(action === null ? [] : [action]));
    }
    const groups = groupByWork(actions, strands);
    const chosen = new Set(
      chooseStrands(
        groups.map(({ strand }) => strand),
        MAX_STRANDS,
      ),
    );
    this.#cut ||= chosen.size < groups.length || actions.length < ids.length;
    for (const [index, group] of groups.filter(({ strand }) => chosen.has(strand)).entries()) {
      this.#take(group.strand, group.actions, chosen.size - index);
    }
    await this.#follow(
      strands.filter((strand) => !this.#chosen.includes(strand)),
      () => false,
    );
    return actions.length > 0;
  }

  /** An action is told with everything that it is a part of: the incident, else the task, else whatever led to it. */
  async #readAction(id: string, strands: readonly Strand[], said: readonly AuditRecord[]): Promise<Chain | null> {
    const asked = await this.#show(id);
    if (asked === null) {
      return null;
    }
    const subject = { subject: 'action', id: asked.id } as const;
    let action: ChainAction = asked;
    for (let step = 0; step < MAX_CLIMB; step += 1) {
      const { incident = '', task = '', parent = '' }: ActionClaimJson = claimOfAction(action) ?? {};
      if (incident !== '') {
        const changes = await this.#changesOf(incident, null);
        await this.#follow(strands, (strand) => strand.incident === incident);
        const known = this.#findIncident(incident, null, changes);
        return this.#chainOf({ ...subject, incident: known }, { said, changes });
      }
      const above: ChainAction | null = parent === '' ? null : await this.#show(parent);
      if (above === null && task !== '') {
        await this.#follow(strands, (strand) => strand.task === task);
        return this.#chainOf({ ...subject, incident: null }, { said, changes: [] });
      }
      if (above === null) {
        break;
      }
      action = above;
    }
    this.#take(loneStrand(action), [action]);
    await this.#follow(strands, () => false);
    return this.#chainOf({ ...subject, incident: null }, { said: [], changes: [] });
  }

  /** Chooses strands, reads what was done in them, and goes on with those that an action of theirs led to. */
  async #follow(strands: readonly Strand[], fits: (strand: Strand) => boolean): Promise<void> {
    const left = new Set(strands);
    const parents = (): ReadonlySet<string> => new Set(this.#actions.flat().flatMap(idsOf));
    for (let next: readonly Strand[] = strands.filter(fits); ;) {
      next.forEach((strand) => left.delete(strand));
      const taken = chooseStrands(next, MAX_STRANDS - this.#chosen.length);
      this.#cut ||= taken.length < next.length;
      for (const [index, strand] of taken.entries()) {
        this.#take(strand, await this.#actionsOf(strand), taken.length - index);
      }
      const known = parents();
      next = [...left].filter(({ parent }) => parent !== '' && known.has(parent));
      if (next.length === 0) {
        return;
      }
    }
  }

  /** `among`: how many strands share what room is left, this one included. */
  #take(strand: Strand, actions: readonly ChainAction[], among: number = 1): void {
    // Two stretches of one agent may meet in one millisecond.
    const fresh = actions.filter(({ id }) => !this.#seen.has(id));
    const taken = chooseActions(fresh, Math.ceil(Math.max(0, MAX_ACTIONS - this.#count) / among));
    taken.forEach(({ id }) => this.#seen.add(id));
    this.#cut ||= taken.length < fresh.length;
    this.#count += taken.length;
    this.#chosen.push(strand);
    this.#actions.push([...taken]);
  }

  async #actionsOf(strand: Strand): Promise<readonly ChainAction[]> {
    const { agent, fromMs, toMs } = strand;
    const filter: AuditFilter = {
      // Behind listeners an agent is an address: it may speak through one and act through another.
      ...(agent.transport === 'direct' && agent.run === '' ? {} : { device: agent.device }),
      profile: agent.profile,
      types: ACTION_TYPES,
      sinceMs: fromMs,
      ...(toMs === null ? {} : { untilMs: toMs }),
    };
    const records = await this.#pages(filter, { pages: MAX_STRAND_PAGES, newestFirst: false });
    const byId = new Map<string, AuditRecord[]>();
    for (const record of records) {
      if (record.actionId !== null) {
        byId.set(record.actionId, [...(byId.get(record.actionId) ?? []), record]);
      }
    }
    const actions: ChainAction[] = [];
    for (const [id, own] of byId) {
      const action = { id, records: own };
      if (belongsTo(action, strand)) {
        // What was decided or settled after the agent turned to other work.
        actions.push(isOver(own) ? action : ((await this.#show(id)) ?? action));
      }
    }
    return actions;
  }

  /** Where nobody named an incident, approvers may have been shown the newest as a guess. */
  async #guesses(id: string, incident: Incident | null, strands: readonly Strand[]): Promise<void> {
    if (incident === null) {
      return;
    }
    const created = await this.#pages(
      { types: ['approval.created'], sinceMs: incident.openedMs, ...untilOf(incident) },
      { pages: MAX_GUESS_PAGES, newestFirst: true },
    );
    const named = new Set(this.#actions.flat().map((action) => action.id));
    const byAgent = new Map<string, AuditRecord[]>();
    for (const record of created) {
      const approval = approvalOf(record);
      const guessed = approval?.alert?.['id'] === id && approval.alert['guess'] !== undefined;
      if (guessed && record.agent !== null && record.actionId !== null && !named.has(record.actionId)) {
        const identity = identityOf(record.agent);
        byAgent.set(identity, [...(byAgent.get(identity) ?? []), record]);
      }
    }
    for (const records of byAgent.values()) {
      const actions = await Promise.all(
        records.slice(0, MAX_ACTIONS).map(({ actionId }) => this.#show(actionId ?? '')),
      );
      const found = actions.flatMap((action) => action ?? []);
      const [first] = found;
      if (first !== undefined) {
        this.#take({ ...loneStrand(first), incident: id, guessed: true }, found);
      }
    }
    await this.#follow(
      strands.filter((strand) => !this.#chosen.includes(strand)),
      () => false,
    );
  }

  async #show(id: string): Promise<ChainAction | null> {
    const records = this.#chars > MAX_CHARS ? [] : await this.#parts.audit.show(id);
    this.#note(records);
    const found = records[0]?.actionId ?? null;
    return found === null ? null : { id: found, records };
  }

  async #changesOf(id: string, source: string | null): Promise<readonly AuditRecord[]> {
    const all = await this.#pages({ types: INCIDENT_TYPES }, { pages: MAX_CLAIM_PAGES, newestFirst: true });
    return all.filter(({ data }) => {
      const incident = incidentOf(data);
      return incident?.id === id && (source === null || incident.source === source);
    });
  }

  #findIncident(id: string, source: string | null, changes: readonly AuditRecord[]): Incident | null {
    const known = this.#parts.incidents().find((one) => one.id === id && (source === null || one.source === source));
    return known ?? incidentOf(changes.at(-1)?.data ?? null);
  }

  #chainOf(
    head: Pick<Chain, 'subject' | 'id' | 'incident'>,
    { said, changes }: { readonly said: readonly AuditRecord[]; readonly changes: readonly AuditRecord[] },
  ): Chain {
    const strands = this.#chosen;
    const actions = this.#actions;
    const claimed = said.filter(({ agent, timeMs }) =>
      strands.some(({ identity, fromMs }) => agent !== null && identityOf(agent) === identity && timeMs === fromMs),
    );
    const times = [...changes, ...claimed, ...actions.flat().flatMap(({ records }) => records)].map(
      ({ timeMs }) => timeMs,
    );
    return {
      ...head,
      tree: makeChain({ incident: head.incident, changes, strands, actions }),
      agents: new Set(strands.map(({ identity }) => identity)).size,
      actions: this.#count,
      cut: this.#cut,
      span: times.length === 0 ? null : { fromMs: Math.min(...times), toMs: Math.max(...times) },
    };
  }

  #note(records: readonly AuditRecord[]): void {
    for (const record of records) {
      const approval = approvalOf(record);
      this.#chars +=
        (record.text?.length ?? 0) + (record.factsJson?.length ?? 0) + (approval?.request.text.length ?? 0);
    }
    this.#cut ||= this.#chars > MAX_CHARS;
  }

  /** Oldest first, whichever end was read from. */
  async #pages(
    filter: AuditFilter,
    { pages, newestFirst }: { readonly pages: number; readonly newestFirst: boolean },
  ): Promise<readonly AuditRecord[]> {
    const records: AuditRecord[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages && this.#chars <= MAX_CHARS; page += 1) {
      const found: Awaited<ReturnType<AuditLog['search']>> = await this.#parts.audit.search(filter, {
        limit: PAGE,
        cursor,
        newestFirst,
      });
      records.push(...found.items);
      this.#note(found.items);
      cursor = found.next;
      if (cursor === null) {
        return newestFirst ? records.toReversed() : records;
      }
    }
    this.#cut = true;
    return newestFirst ? records.toReversed() : records;
  }
}

function untilOf({ resolvedMs }: Incident): Pick<AuditFilter, 'untilMs'> {
  return resolvedMs === null ? {} : { untilMs: resolvedMs };
}

function isOver(records: readonly AuditRecord[]): boolean {
  const last = records.findLast(({ type }) => type === 'action.decided');
  return last?.verdict === 'deny' || records.some(({ data }) => data?.['outcome'] !== undefined);
}

/** The trace that a trace id or a whole traceparent names; "" for any other text. */
function traceKey(id: string): string {
  return /^[0-9a-f]{32}$/.test(id) ? id : traceOf(id);
}
