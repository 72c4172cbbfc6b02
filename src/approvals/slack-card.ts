// An approval as a Slack message (Block Kit). Everything that an agent, an outsider or a model wrote stands in rich_text elements, which
// Slack shows letter by letter: no mrkdwn, links, mentions or emoji come of it. Pure.
import { shorten, visible } from '../lib/text.ts';
import { formatDuration } from '../lib/units.ts';
import type { Approval, Review } from './approval.ts';
import { claimRows } from './claims.ts';
import type { Asked } from './notify.ts';

export type Block = Readonly<Record<string, unknown>>;

/** Slack refuses a message whose blocks are longer than about 13,000 characters; the limit is not documented. */
const MAX_BLOCKS_CHARS = 11_500;
/** Of the request; the first of these sizes with which everything fits is taken. */
const REQUEST_CHARS: readonly number[] = [7_000, 4_500, 2_000, 500];
const MAX_LINE_CHARS = 300;
const MAX_LINES = 12;
const MAX_SUMMARY_CHARS = 150;

export const APPROVE_ACTION = 'clawpatrol_approve';
export const DENY_ACTION = 'clawpatrol_deny';
export const DENY_VIEW = 'clawpatrol_deny_reason';
export const REASON_BLOCK = 'reason';
export const REASON_INPUT = 'text';
/** Slack's own limit for a text input. */
const MAX_REASON_CHARS = 2_000;

export interface CardParts {
  readonly approval: Approval;
  /** Null once it is decided. */
  readonly asked: Asked | null;
  /** The approver's `message` with everything filled in; null without one. */
  readonly message: string | null;
  readonly nowMs: number;
  /** Where it can be decided as a whole, or null. */
  readonly link: string | null;
  /** With buttons. */
  readonly interactive: boolean;
  readonly include: 'summary' | 'full';
  /** The operator's own mention, as Slack writes it; null without one. */
  readonly mention: string | null;
}

export interface Card {
  /** For notifications: ours, and a line of the request that is escaped. */
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Whether the request is on it as a whole: only then it may be approved from it. */
  readonly whole: boolean;
}

/** What a button carries: what was shown, so that a click counts for nothing else. */
export interface ButtonValue {
  readonly id: string;
  readonly digest: string;
  /** How many equal requests the card stood for. */
  readonly together: number;
}

export function buttonValue({ id, digest, together }: ButtonValue): string {
  return JSON.stringify([id, digest, together]);
}

/** Null when it is none of ours. */
export function parseButtonValue(text: unknown): ButtonValue | null {
  if (typeof text !== 'string' || text.length > 500) {
    return null;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value) || value.length !== 3) {
      return null;
    }
    const [id, digest, together]: readonly unknown[] = value;
    return typeof id === 'string' && typeof digest === 'string' && Number.isInteger(together) && Number(together) >= 1
      ? { id, digest, together: Number(together) }
      : null;
  } catch {
    return null;
  }
}

/** The message for an approval as it is now. */
export function cardOf(parts: CardParts): Card {
  const text = `${titleOf(parts.approval)}: ${escapeText(shorten(visible(parts.approval.summary), MAX_SUMMARY_CHARS))}`;
  const sizes = parts.include === 'summary' ? [0] : REQUEST_CHARS;
  for (const size of sizes) {
    const { blocks, whole } = blocksOf(parts, size);
    if (JSON.stringify(blocks).length <= MAX_BLOCKS_CHARS) {
      return { text, blocks, whole };
    }
  }
  return { text, ...blocksOf({ ...parts, approval: bare(parts.approval) }, 0) };
}

export interface AlarmCardParts {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Members who are called. */
  readonly slackIds: readonly string[];
  /** As in `CardParts`. */
  readonly mention: string | null;
  readonly link: string | null;
}

/** The message when somebody decided alone. It has no buttons: there is nothing left to decide. */
export function alarmCard({ title, lines, slackIds, mention, link }: AlarmCardParts): Omit<Card, 'whole'> {
  const called = [...(mention === null ? [] : [mention]), ...slackIds.map((id) => `<@${id}>`)].join(' ');
  const look = [button('Open the dashboard', { action_id: 'clawpatrol_open', url: link ?? '' })];
  return {
    text: `${called === '' ? '' : `${called} `}${escapeText(title)}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: shorten(visible(title), MAX_SUMMARY_CHARS), emoji: false } },
      ...(called === '' ? [] : [{ type: 'section', text: { type: 'mrkdwn', text: called } }]),
      richText(lines),
      ...(link === null ? [] : [{ type: 'actions', elements: look }]),
    ],
  };
}

/** Without what makes it long; that it is left out is said. */
function bare(approval: Approval): Approval {
  const words = approval.words === '' ? '' : '(too long to be shown here)';
  return { ...approval, alert: null, reviews: [], effect: null, words, votes: approval.votes.slice(-3) };
}

function blocksOf(
  parts: CardParts,
  requestChars: number,
): { readonly blocks: readonly Block[]; readonly whole: boolean } {
  const { approval, mention, message } = parts;
  const pending = approval.state === 'pending';
  const request = requestBlock(approval, requestChars);
  const blocks: Block[] = [
    { type: 'header', text: { type: 'plain_text', text: titleOf(approval), emoji: false } },
    ...(pending && mention !== null ? [{ type: 'section', text: { type: 'mrkdwn', text: mention } }] : []),
    richText(factLines(parts)),
    ...(pending || requestChars > 0 ? [request.block] : []),
    ...(message === null ? [] : [richText([['message', message]])]),
    ...contextBlocks(approval),
    ...(pending ? buttonBlocks(parts, request.whole) : [richText([['ended', endText(approval)]])]),
  ];
  return { blocks, whole: request.whole };
}

function titleOf({ state, risk }: Approval): string {
  return state === 'pending' ? `Approval needed: ${risk} action` : `${state[0]?.toUpperCase() ?? ''}${state.slice(1)}`;
}

type Line = readonly [label: string, value: string];

function factLines({ approval, asked, nowMs }: CardParts): readonly Line[] {
  const { agent, riskCauses } = approval;
  const run = agent.run === '' ? '' : `, run ${agent.run}`;
  const leftMs = Math.max(0, approval.expiresMs - nowMs);
  const causes = riskCauses.length === 0 ? '' : ` (${riskCauses.join(', ')})`;
  return [
    ['approval', approval.id],
    ['endpoint', `${approval.endpoint} (${approval.family})`],
    ['agent', `${agent.device}, profile ${agent.profile}, from ${agent.ip}${run}`],
    ['risk', `${approval.risk}${causes}`],
    ['rule', approval.rule === '' ? 'none matched; the risk tier asks' : approval.rule],
    ...optional('reason', approval.reason),
    ...(asked === null
      ? []
      : ([
          ['asked', `${asked.approver}, ${asked.required} needed`],
          ['until', `${isoSeconds(approval.expiresMs)}, ${formatDuration(leftMs)} from now`],
        ] as const)),
    ...(approval.inTransaction ? [['locks', 'it is inside an open transaction and holds its locks'] as const] : []),
    ...(approval.alike > 1
      ? [['alike', `${approval.alike} equal requests wait; this card is for all of them`] as const]
      : []),
    ['summary', approval.summary],
  ];
}

function requestBlock({ request }: Approval, maxChars: number): { readonly block: Block; readonly whole: boolean } {
  const parameters = request.parameters.map(
    (value, index) => `$${index + 1} = ${value === null ? 'NULL' : `'${value}'`}`,
  );
  const text = visible([request.text, ...parameters].join('\n'), true);
  const whole = request.complete && text.length <= maxChars;
  const shown = text.slice(0, maxChars);
  const told = whole
    ? 'complete'
    : maxChars === 0
      ? 'not shown here'
      : `CUT after ${shown.length} of ${text.length} characters: the rest is not on this card`;
  const head = sections([['request', `${request.sizeBytes} bytes, ${told}, sha256 ${request.digest}`]]);
  const body = shown === '' ? [] : [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text: shown }] }];
  return { block: { type: 'rich_text', elements: [...head, ...body] }, whole };
}

/** What came from elsewhere, each marked with whose words it is. */
function contextBlocks({ alert, words, claim, effect, reviews, votes }: Approval): readonly Block[] {
  const lines: Line[] = [
    ...Object.entries(alert ?? {})
      .filter(([, value]) => value !== '')
      .map(([name, value]): Line => [`incident ${name}`, value]),
    ...optional("agent's own words, not checked", words),
    ...claimRows(claim).map(([label, value]): Line => [`agent's own words, not checked: ${label}`, value]),
    ...(effect?.lines ?? []).map((line): Line => ['measured', line]),
    ...reviews.flatMap(reviewLines),
    ...votes
      .filter(({ via }) => via !== 'model')
      .map(({ by, via, decision, note, breakGlass }): Line => [
        breakGlass === undefined ? 'vote' : 'BREAK-GLASS',
        `${by} via ${via}: ${decision}${note === '' ? '' : `: ${note}`}`,
      ]),
  ];
  const shown = lines.slice(0, 3 * MAX_LINES);
  const left = lines.length - shown.length;
  const more: readonly Line[] = left > 0 ? [['more', `${left} lines are left out here`]] : [];
  return lines.length === 0 ? [] : [richText([...shown, ...more])];
}

function reviewLines({ approver, model, answer, risk, trouble, detail, reasons }: Review): readonly Line[] {
  const said = answer === null ? `no answer (${trouble ?? ''}: ${detail})` : `${answer}, risk ${risk ?? '?'} of 100`;
  return [
    [`model's words (${approver}, ${model})`, said],
    ...reasons.map(({ quote, why, found }): Line => [
      "model's words",
      `"${quote}"${found ? '' : ' (NOT IN THE REQUEST)'}: ${why}`,
    ]),
  ];
}

function buttonBlocks({ approval, link, interactive }: CardParts, whole: boolean): readonly Block[] {
  const value = buttonValue({ id: approval.id, digest: approval.request.digest, together: approval.alike });
  const approve = button('Approve', { action_id: APPROVE_ACTION, style: 'primary', value });
  const deny = button('Deny…', { action_id: DENY_ACTION, style: 'danger', value });
  const open = link === null ? [] : [button('Open the dashboard', { action_id: 'clawpatrol_open', url: link })];
  const elements = [...(interactive ? (whole ? [approve, deny] : [deny]) : []), ...open];
  const why = whole
    ? []
    : [
        remark(
          'This card does not show the whole request, so it cannot be approved from here. Look at it on the dashboard or the command line.',
        ),
      ];
  return [...why, ...(elements.length === 0 ? [] : [{ type: 'actions', elements }])];
}

function button(label: string, rest: Block): Block {
  return { type: 'button', text: { type: 'plain_text', text: label, emoji: false }, ...rest };
}

function remark(text: string): Block {
  return { type: 'context', elements: [{ type: 'plain_text', text, emoji: false }] };
}

/** How it ended, and that no button is left. */
function endText({ state, ended, votes, decidedMs }: Approval): string {
  const last = votes.at(-1);
  const by = last === undefined ? '' : ` by ${last.by} via ${last.via}`;
  const at = decidedMs === null ? '' : ` at ${isoSeconds(decidedMs)}`;
  return `${state}${state === 'approved' || state === 'denied' ? by : ''}${at}${ended === '' ? '' : `: ${ended}`}`;
}

/** The question for a reason, which a denial needs. `carried` comes back with the answer. */
export function denyView(approval: Pick<Approval, 'id' | 'endpoint'>, carried: string): Block {
  return {
    type: 'modal',
    callback_id: DENY_VIEW,
    private_metadata: carried,
    title: { type: 'plain_text', text: 'Deny a request', emoji: false },
    submit: { type: 'plain_text', text: 'Deny', emoji: false },
    close: { type: 'plain_text', text: 'Back', emoji: false },
    blocks: [
      richText([
        ['approval', approval.id],
        ['endpoint', approval.endpoint],
      ]),
      {
        type: 'input',
        block_id: REASON_BLOCK,
        label: { type: 'plain_text', text: 'Reason (the agent is told it)', emoji: false },
        element: {
          type: 'plain_text_input',
          action_id: REASON_INPUT,
          multiline: true,
          min_length: 1,
          max_length: MAX_REASON_CHARS,
        },
      },
    ],
  };
}

/** The same modal with an explanation in the place of the question. */
export function explainView(text: string): Block {
  return {
    type: 'modal',
    callback_id: `${DENY_VIEW}_told`,
    title: { type: 'plain_text', text: 'Deny a request', emoji: false },
    close: { type: 'plain_text', text: 'Close', emoji: false },
    blocks: [{ type: 'section', text: { type: 'plain_text', text: escapeText(shorten(text, 2_000)), emoji: false } }],
  };
}

/** Text for the places where Slack reads its own marks: the three characters that it gives a meaning (Slack, "Escaping text"). */
export function escapeText(text: string): string {
  return visible(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function richText(lines: readonly Line[]): Block {
  return { type: 'rich_text', elements: sections(lines) };
}

function sections(lines: readonly Line[]): readonly Block[] {
  return lines.map(([label, value], index) => ({
    type: 'rich_text_section',
    elements: [
      { type: 'text', text: `${label}: `, style: { bold: true } },
      { type: 'text', text: `${shorten(visible(value), MAX_LINE_CHARS)}${index < lines.length - 1 ? '\n' : ''}` },
    ],
  }));
}

function optional(label: string, value: string): readonly Line[] {
  return value === '' ? [] : [[label, value]];
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
