// Schema of approvers, notifiers, contexts, profiles, rules and risk tiers (config reference, 1.4, 1.7, 1.8, 2.3, 2.7 to 2.10).
import { grantSpec } from './schema-gateway.ts';
import {
  bool,
  duration,
  formOf,
  int,
  laterWarn,
  listOf,
  MINUTE_MS,
  MODEL_FAMILIES,
  oneOf,
  refTo,
  SECOND_MS,
  secretText,
  strings,
  text,
} from './schema-types.ts';
import type { AttributeSpec, BlockSpec, ValueType } from './schema-types.ts';

const family = oneOf(...MODEL_FAMILIES);
const endpointUrl = formOf('url-https');

const humanApprover: BlockSpec = {
  doc: 'People who decide, on the dashboard, with the command line, or by a signed Slack button.',
  exclusive: [['credential', 'notifiers']],
  attributes: {
    notifiers: { type: listOf(refTo('notifier')), default: [], doc: 'Who is told; none: dashboard and CLI only.' },
    approvers: {
      type: listOf(formOf('operator')),
      default: [],
      defaultText: 'any operator',
      doc: 'Operator account, user@domain, *@domain, slack:ID, or local (the control socket).',
    },
    require_approvers: { type: int(0), default: 1, doc: 'Distinct people; one denial decides. 0 reads as 1.' },
    timeout: {
      type: { kind: 'seconds', minMs: SECOND_MS, maxMs: 604_800 * SECOND_MS },
      defaultText: 'defaults.human_timeout',
      doc: 'How long the request waits.',
    },
    on_timeout: {
      type: oneOf('deny', 'escalate', 'allow'),
      defaultText: 'defaults.human_on_timeout',
      doc: 'escalate needs escalate_to; at most 3 hops. allow is read as deny.',
    },
    escalate_to: { type: refTo('approver', 'human_approver'), doc: 'Who decides after the timeout.' },
    separation_of_duties: {
      type: bool,
      default: false,
      doc: 'Refuses votes by the owner of the device the action came from.',
    },
    break_glass: {
      type: listOf(formOf('operator')),
      default: [],
      defaultText: 'nobody',
      doc: 'Who may decide alone in an emergency what a quorum, fatigue or escalation would hold back: with a reason, recorded, every channel paged. Written as in approvers; never on their own device.',
    },
    remind: {
      type: { kind: 'duration', words: { off: 0 } },
      defaultText: 'half the timeout',
      doc: 'Time between reminders to the notifiers; "off": none.',
    },
    on_fatigue: {
      type: oneOf('warn', 'second_approver'),
      default: 'warn',
      doc: 'What follows when somebody approved more than 90 % of the last 20 within fatigue_median: shown, or one more person is needed.',
    },
    fatigue_median: {
      type: duration,
      default: 5 * SECOND_MS,
      defaultText: '5s',
      doc: 'Median time to decide below which such an approver counts as tired.',
    },
    channel: { type: text, doc: 'With credential: shorthand for a Slack notifier.' },
    credential: { type: refTo('credential', 'slack_tokens'), doc: 'Slack credential of the shorthand.' },
    interactive: {
      type: bool,
      default: false,
      doc: 'Approve and Deny buttons; needs the signing_secret slot and public_url.',
    },
    message: {
      type: { kind: 'string', markers: true },
      doc: 'Text added under the request, with {{fact}}, {{profile}}, {{device}} and others filled in.',
    },
    classifier: {
      type: refTo('approver', 'llm_approver'),
      later: laterWarn('no summary is made'),
      doc: "A model's summary of the request.",
    },
    sync_wait_timeout: {
      type: duration,
      later: laterWarn('requests wait synchronously'),
      doc: 'How long a request waits before an asynchronous grant takes over.',
    },
  },
  blocks: {
    async_grant: {
      doc: 'Asynchronous grants.',
      later: laterWarn('requests wait synchronously'),
      attributes: {
        enabled: { type: bool, default: false, doc: 'Turns them on.' },
        approved_retry_ttl: {
          type: duration,
          default: 5 * MINUTE_MS,
          defaultText: '5m',
          doc: 'How long an approved request may be retried.',
        },
        fingerprint_body: { type: oneOf('raw'), default: 'raw', doc: 'What of the body must be equal.' },
        max_body_bytes: { type: int(1, 8_388_608), default: 1_048_576, doc: 'Longest body.' },
      },
    },
    grant: { ...grantSpec, doc: 'Narrows the top-level grant for these people.' },
  },
};

const llmApprover: BlockSpec = {
  doc: 'A reviewer model: allow, deny or escalate, with a one-paragraph assessment. No path leads from its trouble to allow.',
  attributes: {
    model: { type: text, required: true, doc: 'Model name.' },
    provider: {
      type: oneOf('anthropic', 'openai', 'google', 'openai_compatible'),
      defaultText: 'by model name',
      doc: 'Whose API is spoken.',
    },
    base_url: { type: endpointUrl, defaultText: "the provider's", doc: 'https, or http on loopback.' },
    credential: { type: refTo('credential'), doc: 'Any HTTP header type; required unless base_url is written.' },
    policy: {
      type: { kind: 'string', markers: true },
      defaultText: 'the built-in one',
      doc: 'The only text that instructs the model.',
    },
    timeout: {
      type: { kind: 'seconds', minMs: SECOND_MS, maxMs: 300 * SECOND_MS },
      default: 30 * SECOND_MS,
      defaultText: '30',
      doc: 'One retry within it on connection errors and 5xx.',
    },
    cache_ttl: {
      type: { kind: 'seconds' },
      defaultText: 'defaults.llm_cache_ttl',
      doc: 'How long an allow or deny is remembered for the same evidence.',
    },
    on_error: {
      type: oneOf('deny', 'escalate'),
      defaultText: 'defaults.llm_fail_mode',
      doc: 'Transport error, timeout, refusal to answer, an answer outside the schema.',
    },
    hourly_tokens: {
      type: int(1),
      default: 2_000_000,
      doc: 'Tokens, in and out, that may be used in an hour; after that there is no answer, and on_error decides.',
    },
    price: {
      type: { kind: 'object' },
      defaultText: 'not told',
      doc: 'Dollars for a million tokens, { input = 3, output = 15 }: for status and metrics.',
    },
    escalate_to: { type: refTo('approver'), doc: 'Who takes this stage when the model escalates.' },
    different_family_from: {
      type: listOf({ kind: 'other-family' }),
      default: [],
      doc: 'Families that this reviewer must not share: a family, an llm_approver, or "agent".',
    },
    family: { type: family, defaultText: "from the model's name", doc: "The model's family." },
  },
};

export const approverTypes: Readonly<Record<string, BlockSpec>> = {
  human_approver: humanApprover,
  llm_approver: llmApprover,
};

const notifierCommon: Readonly<Record<string, AttributeSpec>> = {
  events: {
    type: { kind: 'list', of: oneOf('pending', 'decided', 'expired', 'cancelled'), nonEmpty: true },
    default: ['pending', 'decided', 'expired', 'cancelled'],
    doc: 'What is announced.',
  },
  timeout: { type: duration, default: 5 * SECOND_MS, defaultText: '5s', doc: 'Longest call.' },
  description: { type: text, default: '', doc: 'Shown to people.' },
};

const include = (standard: 'summary' | 'full'): AttributeSpec => ({
  type: oneOf('summary', 'full'),
  default: standard,
  doc: 'How much of the request is told; a cut is stated and links to the whole.',
});

export const notifierTypes: Readonly<Record<string, BlockSpec>> = {
  slack: {
    doc: 'A Slack channel.',
    attributes: {
      credential: { type: refTo('credential', 'slack_tokens'), required: true, doc: 'Slack credential.' },
      channel: { type: text, required: true, doc: 'Channel.' },
      interactive: {
        type: bool,
        default: false,
        doc: 'Approve and Deny buttons; needs socket_mode, or the signing_secret slot and public_url.',
      },
      socket_mode: {
        type: bool,
        default: false,
        doc: 'Clicks come over a connection that the gateway opens with the app slot: nothing of it has to be reachable.',
      },
      mention: { type: text, doc: 'Who is mentioned, as Slack writes it: <!here>, <@U02ABCDEF>.' },
      base_url: { type: endpointUrl, defaultText: "Slack's", doc: 'API to call.' },
      include: include('full'),
      ...notifierCommon,
    },
  },
  webhook: {
    doc: 'A signed HTTP call.',
    attributes: {
      url: { type: endpointUrl, required: true, doc: 'https, or http on loopback.' },
      secret: { type: secretText, required: true, doc: 'Key of the HMAC-SHA256 signature.' },
      headers: { type: { kind: 'map' }, default: {}, doc: 'Headers to add.' },
      interactive: {
        type: bool,
        default: false,
        doc: 'Decisions may come back to PUBLIC_URL/api/notifier/NAME/decision, signed with the same secret; each names an operator.',
      },
      include: include('summary'),
      ...notifierCommon,
    },
  },
  pagerduty: {
    doc: 'PagerDuty: an alert while a request waits (Events API v2), a note on the incident that the agent works on, or both.',
    attributes: {
      routing_key: { type: secretText, doc: 'Integration key: an alert is triggered.' },
      credential: { type: refTo('credential'), doc: 'REST key: a note is written on the incident.' },
      from: { type: text, doc: 'E-mail address of the PagerDuty user whose notes they are; required with credential.' },
      api_url: { type: endpointUrl, defaultText: "PagerDuty's", doc: 'REST API to call.' },
      severity: { type: oneOf('critical', 'error', 'warning', 'info'), default: 'warning', doc: 'Severity.' },
      resolve: { type: bool, default: true, doc: 'Resolve the event when decided.' },
      base_url: { type: endpointUrl, defaultText: "PagerDuty's", doc: 'Events API to call.' },
      include: include('summary'),
      ...notifierCommon,
    },
  },
};

const contextFields = ['title', 'urgency', 'service', 'body', 'assignees', 'notes', 'timeline'];

const contextCommon: Readonly<Record<string, AttributeSpec>> = {
  select: {
    type: oneOf('declared', 'latest'),
    default: 'declared',
    doc: 'The incident that the run named, checked to be known; or the newest open one of services, marked as a guess.',
  },
  required: {
    type: bool,
    default: false,
    doc: 'Without an incident that is known and open (triggered or acknowledged) an action that would wait for people is denied instead of shown without.',
  },
};

const path = (doc: string, standard: string = ''): AttributeSpec => ({ type: text, default: standard, doc });

export const contextTypes: Readonly<Record<string, BlockSpec>> = {
  pagerduty: {
    doc: 'The PagerDuty incident an agent is working on.',
    attributes: {
      credential: { type: refTo('credential'), required: true, doc: 'REST key; used by the gateway only.' },
      signing_secret: {
        type: secretText,
        doc: 'Secret of a webhook subscription (v3) that sends incident events to PUBLIC_URL/api/context/NAME/events.',
      },
      base_url: { type: endpointUrl, default: 'https://api.pagerduty.com', doc: 'API to call.' },
      services: { type: strings, default: [], doc: 'Ids; restricts everything; required for latest.' },
      fields: {
        type: listOf(oneOf(...contextFields)),
        default: contextFields.slice(0, 5),
        doc: 'What is shown.',
      },
      timeout: { type: duration, default: 3 * SECOND_MS, defaultText: '3s', doc: 'Longest call.' },
      cache_ttl: { type: duration, default: MINUTE_MS, defaultText: '60s', doc: 'How long an answer serves.' },
      ...contextCommon,
    },
  },
  webhook: {
    doc: 'Alerts of any other system, which sends them, signed, to PUBLIC_URL/api/context/NAME/events. Paths are dotted: labels.severity, alerts.0.status.',
    attributes: {
      secret: {
        type: secretText,
        required: true,
        doc: 'Key of the HMAC-SHA256 signature: Clawpatrol-Signature: t=UNIX,v1=HEX over t.body.',
      },
      id: { type: text, required: true, doc: 'Path of the id in an alert: letters, digits and ._:@#=+-.' },
      items: path('Path of the list of alerts in a call; without it the call is one alert.'),
      title: path('Path of the title.'),
      urgency: path('Path of the urgency.'),
      service: path('Path of the service.'),
      body: path('Path of the description.'),
      assignees: path('Path of who is assigned.'),
      url: path('Path of an http or https address that leads to it.'),
      opened: path('Path of the time when it began.'),
      status: path('Path of the status.', 'status'),
      resolved: {
        type: strings,
        default: ['resolved', 'closed', 'close', 'ok'],
        doc: 'Values of the status that end it; any other leaves it open.',
      },
      services: { type: strings, default: [], doc: 'Services that count; none: all. Required for latest.' },
      fields: {
        type: listOf(oneOf(...contextFields.slice(0, 5))),
        default: contextFields.slice(0, 5),
        doc: 'What is shown.',
      },
      ...contextCommon,
    },
  },
};

export const profileSpec: BlockSpec = {
  doc: 'What a device may wield: credentials and, through them, endpoints and rules.',
  attributes: {
    credentials: {
      type: listOf({ kind: 'profile-credential' }),
      required: true,
      doc: 'References, or { credential = ref, DISAMBIGUATOR = "…" }.',
    },
    hitl_async_grants: {
      type: bool,
      default: false,
      later: laterWarn('requests wait synchronously'),
      doc: 'Asynchronous grants for this profile.',
    },
    description: { type: text, default: '', doc: 'Shown to people.' },
    context: { type: refTo('context'), doc: 'Where the incident comes from.' },
    agent_family: { type: family, doc: 'Model family that its agents run on.' },
    tailscale: {
      type: listOf(formOf('tailnet-node')),
      default: [],
      doc: 'Nodes of the tailnet that have this profile: tag:NAME, user@domain, *@domain or node:STABLE_ID.',
    },
  },
};

const outcome: Readonly<Record<string, AttributeSpec>> = {
  verdict: { type: oneOf('allow', 'deny'), doc: 'The decision.' },
  approve: { type: listOf(refTo('approver')), doc: 'Stages that must all allow, in order.' },
  reason: { type: text, default: '', doc: 'Told to the agent on a denial, and to the approver.' },
};

const condition: ValueType = { kind: 'condition' };

export const ruleSpec: BlockSpec = {
  doc: 'The first rule whose credential and condition say yes decides; one that cannot tell denies.',
  exclusive: [['endpoint', 'endpoints']],
  attributes: {
    endpoint: { type: refTo('endpoint'), doc: 'The endpoint it is for.' },
    endpoints: { type: listOf(refTo('endpoint')), doc: 'The endpoints it is for, all of one family.' },
    condition: { type: condition, doc: 'CEL over the facts; absent or empty matches everything.' },
    ...outcome,
    priority: { type: int(-(2 ** 31)), default: 0, doc: 'High first; ties by declaration order.' },
    credential: { type: refTo('credential'), doc: 'Matches only when this credential was dispatched.' },
    disabled: { type: bool, default: false, doc: 'Kept, checked, skipped.' },
  },
};

export const riskSpec: BlockSpec = {
  doc: 'What a tier means when no rule matched and unmatched = "risk".',
  attributes: outcome,
};
