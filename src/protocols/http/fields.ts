// Which fields go through the gateway. What speaks to the next hop only, what would steer routing or logs, and what is ours is taken out
// before anything is judged, so that rules see what the upstream will see (facts, 4.4). Pure.
import type { Field } from './request.ts';

/**
 * Fields for the next hop, what names a client that only the gateway knows, what some servers take in place of the host or path that
 * were judged, and what would tell an approval proxy whom to ask (AP-29): that is the configuration's alone.
 */
const HOP_BY_HOP =
  /^(?:connection|keep-alive|te|transfer-encoding|upgrade|http2-settings|expect|host|forwarded|via|x-real-ip|(?:true-|x-|x-cluster-)?client-ip|alt-used|proxy-.*|x-forwarded-.*|x-original-(?:url|uri|path|host|method)|x-rewrite-(?:url|uri)|x-host|x-envoy-original-.*|x-hitl-.*|cf-.*|clawpatrol-.*)$/i;
/** Removed from answers. `alt-svc` would lead the agent around the gateway (HT-54). */
const NOT_TO_CLIENT =
  /^(?:connection|keep-alive|transfer-encoding|upgrade|te|http2-settings|alt-svc|proxy-(?!authenticate$).*|clawpatrol-.*)$/i;

/**
 * A client may name any field in Connection and so have it removed on the way. These it may not: removing them would change what the
 * message means, or take away what the gateway puts in (HT-24).
 */
const END_TO_END =
  /^(?:accept(?:-.*)?|authorization|cache-control|content-.*|cookie|date|expect|from|host|if-.*|origin|pragma|prefer|range|referer|trailer|user-agent|x-.*)$/i;

/** The fields that may be forwarded, in order. `upgrade`: an upgrade was granted, which serve.ts writes itself. */
export function forwardedFields(fields: readonly Field[]): readonly Field[] {
  const named = namedInConnection(fields);
  const kept = fields.filter(
    (field) =>
      (!HOP_BY_HOP.test(plainName(field.name)) || takesTrailers(field)) &&
      (named.size === 0 || !named.has(field.name.toLowerCase())),
  );
  return kept.length === fields.length ? fields : kept;
}

/** Servers behind CGI and its descendants take `_` for `-` in names. */
function plainName(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

/** gRPC servers answer nobody who does not say so; it holds of the gateway, which passes trailers on. */
function takesTrailers({ name, value }: Field): boolean {
  return name.length === 2 && name.toLowerCase() === 'te' && value.toLowerCase() === 'trailers';
}

/** The fields of an answer that the client gets, in order. */
export function answeredFields(fields: readonly Field[]): readonly Field[] {
  const named = namedInConnection(fields);
  const kept = fields.filter(
    ({ name }) => !NOT_TO_CLIENT.test(name) && (named.size === 0 || !named.has(name.toLowerCase())),
  );
  return kept.length === fields.length ? fields : kept;
}

function namedInConnection(fields: readonly Field[]): ReadonlySet<string> {
  const names = listOf(fields, 'connection').filter((name) => name !== 'te' && !END_TO_END.test(name));
  return names.length === 0 ? NO_NAMES : new Set(names);
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** Members of a comma-separated field, lower case, in order; `name` in lower case. */
export function listOf(fields: readonly Field[], name: string): readonly string[] {
  const members: string[] = [];
  for (const field of fields) {
    if (field.name.length === name.length && field.name.toLowerCase() === name) {
      for (const member of field.value.split(',')) {
        const trimmed = member.trim().toLowerCase();
        if (trimmed !== '') {
          members.push(trimmed);
        }
      }
    }
  }
  return members;
}

/** The value of the only field of that name; null when there is none, and when there are several. `name` in lower case. */
export function onlyValue(fields: readonly Field[], name: string): string | null {
  let found: string | null = null;
  for (const field of fields) {
    if (field.name.length === name.length && field.name.toLowerCase() === name) {
      if (found !== null) {
        return null;
      }
      found = field.value;
    }
  }
  return found;
}

export function countOf(fields: readonly Field[], name: string): number {
  let count = 0;
  for (const field of fields) {
    if (field.name.length === name.length && field.name.toLowerCase() === name) {
      count += 1;
    }
  }
  return count;
}
