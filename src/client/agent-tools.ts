// What an agent can do with the gateway itself, as tools of MCP over its own name. None of them approves anything.
import type { AgentLink } from './agent-link.ts';
import type { McpTool } from './mcp-server.ts';

export const MCP_INSTRUCTIONS = `Claw Patrol is the gateway between you and production: it judges and records what you send, and people approve what is
risky. Call manifest to learn what you can reach. Before risky work call context_set with why you do it: whoever approves sees it, as your word. Call
would_allow before something that may be refused, and do not look for ways around a denial: ask a person.`;

const text = (description: string): object => ({ type: 'string', description });

const CONTEXT_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    incident: text('Id of the incident that you work on, as its system has it.'),
    task: text('What you are doing, in one line of at most 200 characters.'),
    reason: text('Why, for the person who may have to approve; at most 4 KiB.'),
    parent_action: text('Id of the action, yours or another agent’s, that led to this work.'),
  },
};

const ACTION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    endpoint: text('Name of the endpoint, from the manifest; may be left out where host tells it.'),
    host: text('host or host:port in place of the endpoint.'),
    credential: text('Name of the credential, where the manifest lists several.'),
    sql: {
      type: 'object',
      properties: {
        statement: text('The SQL text.'),
        database: text('The database.'),
        search_path: {
          type: 'array',
          items: { type: 'string' },
          description: "PostgreSQL: the connection's search_path, schema by schema. Left out: public.",
        },
      },
      required: ['statement'],
    },
    http: {
      type: 'object',
      properties: {
        method: text('GET, POST, …'),
        path: text('The path with its query.'),
        body: text('The body.'),
        headers: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
      },
    },
    k8s: {
      type: 'object',
      properties: {
        method: text('GET, PATCH, …'),
        path: text('The path of the API request.'),
        body: text('The body.'),
      },
    },
    ssh: {
      type: 'object',
      properties: { verb: text('exec, shell, …'), command: text('The command line.'), user: text('The user.') },
    },
  },
};

const NOTHING = { type: 'object', additionalProperties: false, properties: {} };
const READS = { readOnlyHint: true, openWorldHint: false };

/** The tools over a way to the gateway. */
export function agentTools(link: AgentLink): readonly McpTool[] {
  return [
    {
      name: 'manifest',
      description:
        'What you can reach through the gateway, how, with which placeholders, and what may wait for a person.',
      inputSchema: NOTHING,
      annotations: READS,
      run: () => link.get('/manifest'),
    },
    {
      name: 'context_set',
      description:
        'Says what you work on and why. It is shown, as your word, to whoever approves what you send, and recorded with it. What is left out stays; "" takes it back.',
      inputSchema: CONTEXT_SCHEMA,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      run({ parent_action: parent, ...rest }) {
        return link.post('/context', parent === undefined ? rest : { ...rest, parent });
      },
    },
    {
      name: 'would_allow',
      description:
        'Asks what the gateway would decide about one action (exactly one of sql, http, k8s, ssh) if you sent it now: allow, deny with the reason, or approve: it would wait for a person. Nothing is run and nobody is asked.',
      inputSchema: ACTION_SCHEMA,
      annotations: READS,
      run: (given) => link.post('/would-allow', given),
    },
    {
      name: 'pending',
      description: 'Your own requests that wait for approval, with how long they may still wait.',
      inputSchema: NOTHING,
      annotations: READS,
      run: () => link.get('/pending'),
    },
  ];
}
