// What led to what, across agents: an incident, the tasks and agents that said they work on it, what each did, who judged it and how, and
// what became of it. Made of records of the log alone; who belongs to what is the agents' word. Pure.
import type { AuditRecord } from '../audit/event.ts';
import { isObject } from '../lib/fields.ts';
import { RISKS, type Agent } from '../rules/action.ts';
import type { Approval, Review } from './approval.ts';
import { identityOf, type ActionClaimJson, type ClaimJson } from './claims.ts';
import { incidentOf, type Incident } from './incidents.ts';

export type ChainKind = 'incident' | 'change' | 'task' | 'agent' | 'action' | 'review' | 'decision' | 'outcome';

/** One step. `text` is ours; `words` are those of `whose`, and untrusted. */
export interface ChainNode {
  readonly kind: ChainKind;
  /** Of an incident or action; "" for all else. */
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
  readonly words: string;
  readonly whose: 'outsiders' | 'agent' | 'model' | 'person' | null;
  readonly tone: 'good' | 'bad' | 'wait' | null;
  readonly children: readonly ChainNode[];
}

/** A stretch of time in which one agent said that it works on one thing. */
export interface Strand {
  readonly agent: Agent;
  readonly identity: string;
  readonly incident: string;
  readonly task: string;
  readonly parent: string;
  readonly intent: string;
  readonly fromMs: number;
  /** Null: it still holds. */
  readonly toMs: number | null;
  /** Nobody said it: the gateway showed that incident to approvers as a guess. */
  readonly guessed: boolean;
}

/** An action with all records about it, oldest first. */
export interface ChainAction {
  readonly id: string;
  readonly records: readonly AuditRecord[];
}

/** The stretches that records of type `context.claimed` tell of, oldest first. `records`: oldest first. */
export function strandsOf(records: readonly AuditRecord[]): readonly Strand[] {
  const strands: Strand[] = [];
  const open = new Map<string, number>();
  for (const { agent, timeMs, data } of records) {
    const claim = claimOf(data);
    if (agent === null || claim === null) {
      continue;
    }
    const identity = identityOf(agent);
    const at = open.get(identity);
    const before = at === undefined ? undefined : strands[at];
    const { incident, task, parent, intent } = claim;
    if (before !== undefined && before.incident === incident && before.task === task && before.parent === parent) {
      strands[at ?? 0] = { ...before, intent: intent === '' ? before.intent : intent };
      continue;
    }
    if (before !== undefined) {
      strands[at ?? 0] = { ...before, toMs: timeMs };
    }
    open.set(identity, strands.length);
    strands.push({ agent, identity, incident, task, parent, intent, fromMs: timeMs, toMs: null, guessed: false });
  }
  return strands;
}

function claimOf(data: AuditRecord['data']): ClaimJson | null {
  const found: unknown = data?.['claim'];
  if (typeof found !== 'object' || found === null) {
    return null;
  }
  const { incident = '', task = '', parent = '', intent = '', traceparent = '' }: Partial<ClaimJson> = found;
  return { incident, task, parent, intent, traceparent };
}

/** What an agent had said when it did this; null when it had said nothing. */
export function claimOfAction({ records }: ChainAction): ActionClaimJson | null {
  const decided = records.find(({ type }) => type === 'action.decided');
  const found: unknown = decided?.data?.['claim'];
  return typeof found === 'object' && found !== null ? found : null;
}

/** A stretch for each agent and work of these actions, with its actions: what is not told of a stretch that is known is told of one of its own. */
export function groupByWork(
  actions: readonly ChainAction[],
  strands: readonly Strand[],
): readonly { readonly strand: Strand; readonly actions: readonly ChainAction[] }[] {
  const groups = new Map<string, { readonly strand: Strand; readonly actions: ChainAction[] }>();
  for (const action of actions) {
    const lone = loneStrand(action);
    const { incident = '', task = '', parent = '' } = claimOfAction(action) ?? {};
    const key = JSON.stringify([lone.identity, incident, task, parent]);
    const group = groups.get(key);
    if (group === undefined) {
      const known = strands.findLast((strand) => belongsTo(action, strand) && strand.fromMs <= lone.fromMs);
      groups.set(key, { strand: known ?? { ...lone, incident, task, parent }, actions: [action] });
    } else {
      group.actions.push(action);
    }
  }
  return [...groups.values()];
}

/** Of an action whose agent had said nothing. */
export function loneStrand({ records }: ChainAction): Strand {
  const first = records.find((record) => record.agent !== null);
  const agent = first?.agent ?? { device: '', profile: '', run: '', user: '', ip: '', transport: 'direct' as const };
  const fromMs = first?.timeMs ?? 0;
  const none = { incident: '', task: '', parent: '', intent: '', toMs: null, guessed: false };
  return { ...none, agent, identity: identityOf(agent), fromMs };
}

/** Whether the action was done in that stretch. */
export function belongsTo(action: ChainAction, strand: Strand): boolean {
  const { incident = '', task = '', parent = '' } = claimOfAction(action) ?? {};
  const agent = action.records.find((record) => record.agent !== null)?.agent ?? null;
  const sameWork = incident === strand.incident && task === strand.task && parent === strand.parent;
  return agent !== null && identityOf(agent) === strand.identity && (sameWork || strand.guessed);
}

/** Everything that stands for an action where another claims it as its parent: its own id, and those of its approvals. */
export function idsOf({ id, records }: ChainAction): readonly string[] {
  return [...new Set([id, ...records.flatMap((record) => approvalOf(record)?.id ?? [])])];
}

/**
 * So many of the strands, in their order: each device in turn, and each of its agents in turn, so that who says very much hides nobody.
 * Behind a listener an agent is an address, of which somebody may have as many as they like.
 */
export function chooseStrands(strands: readonly Strand[], max: number): readonly Strand[] {
  if (strands.length <= max) {
    return strands;
  }
  const byAgent = inTurns(strands, ({ identity }) => identity);
  const chosen = new Set(inTurns(byAgent, ({ agent }) => agent.device).slice(0, max));
  return strands.filter((strand) => chosen.has(strand));
}

function inTurns(strands: readonly Strand[], keyOf: (strand: Strand) => string): readonly Strand[] {
  const counts = new Map<string, number>();
  const turns = strands.map((strand) => {
    const turn = counts.get(keyOf(strand)) ?? 0;
    counts.set(keyOf(strand), turn + 1);
    return { strand, turn };
  });
  return turns.toSorted((one, other) => one.turn - other.turn).map(({ strand }) => strand);
}

/** So many of the actions, in their order: what is safe is left out first. */
export function chooseActions(actions: readonly ChainAction[], max: number): readonly ChainAction[] {
  if (actions.length <= max) {
    return actions;
  }
  const rank = ({ records }: ChainAction): number =>
    Math.max(...records.map(({ risk }) => RISKS.indexOf(risk ?? 'safe')));
  const chosen = new Set(actions.toSorted((one, other) => rank(other) - rank(one)).slice(0, max));
  return actions.filter((action) => chosen.has(action));
}

export interface ChainParts {
  readonly incident: Incident | null;
  /** Its records, oldest first. */
  readonly changes: readonly AuditRecord[];
  readonly strands: readonly Strand[];
  /** By the index of the strand. */
  readonly actions: readonly (readonly ChainAction[])[];
}

/** The tree below what was asked for: strands whose parent is in the tree hang below that action, the others below their task. */
export function makeChain({ incident, changes, strands, actions }: ChainParts): readonly ChainNode[] {
  const known = new Set(actions.flat().flatMap(idsOf));
  // Each is told once, where it is first met: told wherever it could hang, a few claims would make a tree without end.
  const reached = new Set<number>();
  const nodeOf = (index: number): ChainNode | null => {
    const strand = strands[index];
    if (strand === undefined || reached.has(index)) {
      return null;
    }
    reached.add(index);
    const done = (actions[index] ?? []).map((action) => {
      const ids = idsOf(action);
      const led = strands.flatMap(({ parent }, other) => (ids.includes(parent) ? (nodeOf(other) ?? []) : []));
      return actionNode(action, led);
    });
    return agentNode(strand, done);
  };
  const tops = strands.flatMap((strand, index) => (known.has(strand.parent) ? [] : [{ strand, index }]));
  const byTask = [...new Set(tops.map(({ strand }) => strand.task))].flatMap((task): readonly ChainNode[] => {
    const agents = tops.filter(({ strand }) => strand.task === task).flatMap(({ index }) => nodeOf(index) ?? []);
    return task === '' ? agents : [taskNode(task, agents)];
  });
  // Claims that lead round in a circle hang nowhere; they are told all the same.
  const lost = strands.flatMap((_, index) => nodeOf(index) ?? []);
  if (incident === null) {
    return [...byTask, ...lost];
  }
  const steps = [...changes.map(changeNode), ...byTask, ...lost].toSorted((one, other) => one.atMs - other.atMs);
  return [incidentNode(incident, steps)];
}

const LEAF: Pick<ChainNode, 'id' | 'words' | 'whose' | 'tone' | 'children'> = {
  id: '',
  words: '',
  whose: null,
  tone: null,
  children: [],
};

function incidentNode({ id, source, status, fields, openedMs }: Incident, children: readonly ChainNode[]): ChainNode {
  const text = `incident ${id} of ${source}, ${status}`;
  return {
    ...LEAF,
    kind: 'incident',
    id,
    atMs: openedMs,
    text,
    words: fields.title ?? '',
    whose: 'outsiders',
    children,
  };
}

const NEWS: Readonly<Record<string, string>> = {
  'incident.opened': 'opened',
  'incident.changed': 'changed',
  'incident.resolved': 'resolved',
};

function changeNode({ type, timeMs, data, by }: AuditRecord): ChainNode {
  const status = incidentOf(data)?.status ?? '';
  const word = type === 'incident.changed' && status !== '' ? `changed, now ${status}` : (NEWS[type] ?? type);
  return { ...LEAF, kind: 'change', atMs: timeMs, text: `${word}, says ${by}` };
}

function taskNode(task: string, children: readonly ChainNode[]): ChainNode {
  const atMs = Math.min(...children.map((child) => child.atMs));
  return { ...LEAF, kind: 'task', atMs, text: 'task', words: task, whose: 'agent', children };
}

function agentNode(
  { agent, intent, guessed, fromMs, task, parent }: Strand,
  children: readonly ChainNode[],
): ChainNode {
  const { device, profile, run, ip, transport } = agent;
  const how = guessed ? ' (the gateway guessed the incident)' : '';
  // Behind a listener nobody proves who they are: what tells them apart is the address.
  const who = run !== '' ? `${device}, run ${run}` : transport === 'direct' ? `at ${ip}` : device;
  const text = `agent ${who}, profile ${profile}${how}`;
  const words = [parent !== '' && task !== '' ? `task: ${task}` : '', intent].filter((part) => part !== '').join('\n');
  // Records of what is safe reach the log a little later than others.
  const inTime = children.toSorted((one, other) => one.atMs - other.atMs);
  return { ...LEAF, kind: 'agent', atMs: fromMs, text, words, whose: words === '' ? null : 'agent', children: inTime };
}

function actionNode(action: ChainAction, led: readonly ChainNode[]): ChainNode {
  const { id, records } = action;
  const [first] = records;
  const decided = records.findLast(({ type }) => type === 'action.decided') ?? null;
  const approval = records.reduce<Approval | null>((latest, record) => approvalOf(record) ?? latest, null);
  const steps = [
    ...(approval?.reviews ?? []).map(reviewNode),
    ...decisionNodes(approval, decided),
    ...outcomeNodes(records, decided),
  ];
  return {
    kind: 'action',
    id,
    atMs: first?.timeMs ?? 0,
    text: `${first?.risk ?? ''} action on ${first?.endpoint ?? ''}`.trim(),
    words: first?.summary ?? '',
    whose: 'agent',
    tone: null,
    children: [...steps, ...led].toSorted((one, other) => one.atMs - other.atMs),
  };
}

function reviewNode({ approver, model, answer, risk, trouble, reasons, atMs }: Review): ChainNode {
  const said = answer === null ? `no answer that counts (${trouble ?? ''})` : `${answer}, risk ${risk ?? '?'} of 100`;
  const words = reasons.map(({ why }) => why).join('\n');
  const tone = answer === 'allow' ? 'good' : answer === 'deny' ? 'bad' : 'wait';
  return { ...LEAF, kind: 'review', atMs, text: `model ${model} of ${approver}: ${said}`, words, whose: 'model', tone };
}

const DECIDED = { approve: 'approved', deny: 'denied', escalate: 'passed on' } as const;
const TONES = { approve: 'good', deny: 'bad', escalate: 'wait' } as const;

function decisionNodes(approval: Approval | null, decided: AuditRecord | null): readonly ChainNode[] {
  const votes = (approval?.votes ?? [])
    .filter(({ via }) => via !== 'model' && via !== 'gateway')
    .map(({ by, via, decision, note, atMs, breakGlass }): ChainNode => ({
      ...LEAF,
      kind: 'decision',
      atMs,
      text: `${breakGlass === undefined ? DECIDED[decision] : 'approved alone, by break-glass,'} by ${by} via ${via}`,
      words: note,
      whose: note === '' ? null : 'person',
      tone: TONES[decision],
    }));
  if (approval?.state === 'pending') {
    const text = `waits for ${approval.approvers[approval.stage] ?? 'approvers'}`;
    // It waits now, so after all that was said: the record of a model's word is older than the question to the next people.
    const said = [...approval.reviews, ...approval.votes].map(({ atMs }) => atMs);
    return [...votes, { ...LEAF, kind: 'decision', atMs: Math.max(approval.askedMs, ...said), text, tone: 'wait' }];
  }
  if (decided === null || decided.verdict === 'approve') {
    return votes;
  }
  const denied = decided.verdict === 'deny';
  const why = denied ? decided.reason : '';
  const last = votes.at(-1);
  if (last !== undefined && last.tone === (denied ? 'bad' : 'good')) {
    // A person's word was the last one.
    return votes;
  }
  const byRule = decided.rule === '' ? '' : ` (rule ${decided.rule})`;
  const text = `${denied ? 'denied' : 'allowed'} by ${decided.by}${byRule}${why === '' ? '' : `: ${why}`}`;
  return [...votes, { ...LEAF, kind: 'decision', atMs: decided.timeMs, text, tone: denied ? 'bad' : 'good' }];
}

function outcomeNodes(records: readonly AuditRecord[], decided: AuditRecord | null): readonly ChainNode[] {
  const settled = records.findLast(({ data }) => isObject(data?.['outcome']));
  const outcome: unknown = settled?.data?.['outcome'];
  if (settled === undefined || !isObject(outcome)) {
    return decided?.verdict === 'allow'
      ? [{ ...LEAF, kind: 'outcome', atMs: decided.timeMs, text: 'no outcome yet', tone: 'wait' }]
      : [];
  }
  const { kind, rows, status, error_code: code } = outcome;
  const told = [
    String(kind),
    typeof rows === 'number' ? `${rows} ${rows === 1 ? 'row' : 'rows'}` : '',
    typeof status === 'string' ? status : '',
    typeof code === 'string' && code !== '' ? `error ${code}` : '',
  ].filter((part) => part !== '');
  const tone = kind === 'ok' ? 'good' : 'bad';
  return [{ ...LEAF, kind: 'outcome', atMs: settled.timeMs, text: `outcome: ${told.join(', ')}`, tone }];
}

/** The approval that a record of the queue's carries whole; null for any other record. */
export function approvalOf({ type, data }: AuditRecord): Approval | null {
  const found = data?.['approval'];
  // The queue made it from an Approval.
  return type.startsWith('approval.') && isApproval(found) ? found : null;
}

function isApproval(value: unknown): value is Approval {
  return isObject(value) && typeof value['id'] === 'string' && Array.isArray(value['votes']);
}
