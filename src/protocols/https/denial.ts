// A refusal as an HTTP client reads it: a status, and a JSON body that says what was refused, by which rule, and what to do.
import { visible } from '../../lib/text.ts';
import type { LocalAnswer, Refusal } from '../http/flavour.ts';
import type { Field } from '../http/request.ts';

const MAX_TEXT_CHARS = 2000;
const FIELDS: readonly Field[] = [
  { name: 'Content-Type', value: 'application/json; charset=utf-8' },
  { name: 'Cache-Control', value: 'no-store' },
];

/** The same for every client of an `https` endpoint. */
export function refuseHttps({ status, code, reason, rule, hint, action }: Refusal): LocalAnswer {
  const error = {
    code,
    reason: shown(reason),
    ...(rule === '' ? {} : { rule: shown(rule) }),
    ...(hint === '' ? {} : { hint: shown(hint) }),
    ...(action === '' ? {} : { action }),
  };
  return { status, fields: FIELDS, body: Buffer.from(`${JSON.stringify({ error })}\n`, 'utf8') };
}

/** Rule names and reasons are the operators' text, and may quote what an agent wrote. */
function shown(text: string): string {
  return visible(text, true).slice(0, MAX_TEXT_CHARS);
}
