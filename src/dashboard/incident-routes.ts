// The calls about incidents: which there are, what led to what, and the records of one to take along.
import { readChain, type Chain } from '../approvals/causal-reader.ts';
import type { ChainNode } from '../approvals/causal.ts';
import type { Incident } from '../approvals/incidents.ts';
import { createEvent } from '../audit/event.ts';
import type { ChainJson, ChainNodeJson, IncidentJson } from '../client/control-shapes.ts';
import { ApiError, getText, readFields } from './input.ts';
import type { Answer, Call, Route } from './call.ts';
import { timeText } from './shapes.ts';

function incidentJson({ id, source, status, url, fields, openedMs, changedMs, resolvedMs }: Incident): IncidentJson {
  return {
    id,
    source,
    status,
    url: url === '' ? null : url,
    fields,
    opened: timeText(openedMs),
    changed: timeText(changedMs),
    resolved: resolvedMs === null ? null : timeText(resolvedMs),
  };
}

function nodeJson({ kind, id, atMs, text, words, whose, tone, children }: ChainNode): ChainNodeJson {
  return {
    kind,
    id: id === '' ? null : id,
    at: timeText(atMs),
    text,
    words,
    whose,
    tone,
    children: children.map(nodeJson),
  };
}

function chainJson({ subject, id, incident, tree, agents, actions, cut, span }: Chain): ChainJson {
  return {
    subject,
    id,
    incident: incident === null ? null : incidentJson(incident),
    agents,
    actions,
    cut,
    from: span === null ? null : timeText(span.fromMs),
    to: span === null ? null : timeText(span.toMs),
    tree: tree.map(nodeJson),
  };
}

async function findChain({ parts, params, query }: Call): Promise<Chain> {
  const id = getText(params, 'id');
  const source = readFields(query, ['source']).get('source') ?? null;
  const { audit, incidents } = parts;
  const chain = await readChain(id, { audit, incidents: () => incidents.list() }, source);
  if (chain === null) {
    const message = `no incident, task or trace is ${JSON.stringify(id)}, and no single action is it or begins so (8 characters or more)`;
    throw new ApiError(404, 'not_found', message);
  }
  return chain;
}

async function listIncidents({ parts, query }: Call): Promise<Answer> {
  readFields(query, []);
  return { kind: 'json', body: { items: parts.incidents.list().map(incidentJson), next: null } };
}

async function showChain(call: Call): Promise<Answer> {
  return { kind: 'json', body: chainJson(await findChain(call)) };
}

/** Takes the log out of the house, so it is in the log itself. Whole, from the first record of the chain to the last: a gap would be a fault. */
async function exportChain(call: Call): Promise<Answer> {
  const { parts, operator } = call;
  const { id, span } = await findChain(call);
  if (span === null) {
    throw new ApiError(404, 'not_found', `nothing is recorded of ${JSON.stringify(id)}`);
  }
  const filter = { sinceMs: span.fromMs, untilMs: span.toMs };
  const atMs = parts.clock.now();
  // A bundle has what others did between; whoever does not see that gets the records that they see, and no proof that they are all.
  const bundle = operator.scope.kind === 'all';
  const data = { filter, format: 'jsonl', bundle, chain: id, via: operator.via };
  await parts.audit.appendDurable(createEvent('audit.exported', atMs, { by: operator.name, data }));
  return {
    kind: 'stream',
    type: 'application/x-ndjson',
    name: `incident-${id.replace(/[^A-Za-z0-9._-]/g, '-')}${bundle ? '.bundle' : ''}.jsonl`,
    pieces: parts.audit.export(filter, bundle ? 'bundle' : 'jsonl'),
  };
}

export const INCIDENT_ROUTES: readonly Route[] = [
  {
    name: 'incidents.list',
    method: 'GET',
    path: '/api/incidents',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: listIncidents,
  },
  {
    name: 'audit.chain',
    method: 'GET',
    path: '/api/audit/chain/:id',
    kind: 'reads',
    role: 'viewer',
    sight: 'scoped',
    answer: showChain,
  },
  {
    name: 'audit.chain.export',
    method: 'GET',
    path: '/api/audit/chain/:id/bundle',
    kind: 'reads',
    role: 'admin',
    sight: 'scoped',
    answer: exportChain,
  },
];
