// Answers questions about names for a device: declared names of its profile have virtual addresses, every other name does not exist, unless
// the policy opens what is not declared. What is asked for and not declared is told to `refused`. Pure but for `others`.
import { AGENT_NAME, canonicalHost, parseIp } from '../../config/hosts.ts';
import type { Agent } from '../../rules/action.ts';
import { matchHost } from '../arriving/routing.ts';
import type { Live } from '../live.ts';
import { TYPE_A, TYPE_AAAA, TYPE_PTR, takeQuestion, writeName, writeReply } from './dns-message.ts';
import type { DnsQuestion, DnsRecord } from './dns-message.ts';
import { isDeclaredHost } from '../arriving/undeclared.ts';
import type { OtherNames } from './other-names.ts';
import type { VirtualAddresses } from './virtual-addresses.ts';

/** How long clients remember an address; it stays the name's for much longer. */
const TTL_SECONDS = 60;
/** How long clients remember that there is none: a name that is declared by a reload must soon be found. */
const NEGATIVE_TTL_SECONDS = 5;

/** Addresses of a name that nobody declared; so many fit into what every client takes over UDP (RFC 1035, section 4.2.1). */
const MAX_ANSWERS = 8;

/** How a name came to be declared for a profile. */
export type Declared = 'exact' | 'wildcard';

/** Whether the profile reaches an endpoint with that host, on any port. */
export function findDeclared(live: Live, profile: string, host: string): Declared | null {
  let found: Declared | null = null;
  for (const endpoint of live.config.endpoints) {
    for (const pattern of endpoint.hosts) {
      if (matchHost(pattern, { host, port: pattern.port }) && live.reaches(profile, endpoint.ref)) {
        if (!pattern.wildcard) {
          return 'exact';
        }
        found = 'wildcard';
      }
    }
  }
  return found;
}

/** Whether a declared name of the profile lies under that one. Such a name exists and has no records (RFC 8020, section 2). */
function isAboveDeclared(live: Live, profile: string, host: string): boolean {
  return live.config.endpoints.some(
    ({ hosts, ref }) => hosts.some((pattern) => pattern.host.endsWith(`.${host}`)) && live.reaches(profile, ref),
  );
}

export interface NamesParts {
  readonly live: () => Live;
  readonly addresses: VirtualAddresses;
  /** A question that was not answered with an address because of what it asks for. */
  readonly refused: (asker: Agent, name: string, why: string) => void;
  /** A question that left the gateway for a name that nobody declared. */
  readonly asked: (asker: Agent, name: string) => void;
  readonly others: Pick<OtherNames, 'ask'>;
  /** An address could not be stored. */
  readonly failed: (error: unknown) => void;
}

/** The answer to one message, or null for what is none and gets none; a promise where somebody else is asked. Never rejects. */
export type AnswerQuestion = (message: Buffer, asker: Agent) => Buffer | null | Promise<Buffer>;

export function createNames(parts: NamesParts): AnswerQuestion {
  return (message, asker) => {
    const taken = takeQuestion(message);
    switch (taken.kind) {
      case 'dropped':
        return null;
      case 'refused':
        parts.refused(asker, '', taken.why);
        return taken.reply;
      case 'question':
        return answer(taken.question, asker, parts);
    }
  };
}

function answer(question: DnsQuestion, asker: Agent, parts: NamesParts): Buffer | Promise<Buffer> {
  const { profile } = asker;
  const name = question.name;
  if (name === 'localhost' || name?.endsWith('.localhost') === true) {
    return writeFound(question, { v4: '127.0.0.1', v6: '::1' });
  }
  if (question.type === TYPE_PTR && name !== null) {
    return answerReverse(question, name, profile, parts);
  }
  const host = name === null ? null : canonicalHost(name);
  const declared = host === AGENT_NAME ? 'exact' : host === null ? null : findDeclared(parts.live(), profile, host);
  if (host === null || declared === null) {
    const { config } = parts.live();
    if (host !== null && config.defaults.unknownHost === 'passthrough' && !isDeclaredHost(config, host)) {
      return answerOther(question, host, asker, parts);
    }
    return refuse(question, name ?? '', { asker, why: 'no endpoint of its profile has that name' }, parts);
  }
  try {
    const address = parts.addresses.assign(host, declared === 'wildcard' ? asker.device : null);
    if (address !== null) {
      return writeFound(question, address);
    }
    parts.refused(asker, host, 'there is no virtual address left');
  } catch (error) {
    parts.failed(error);
  }
  return writeReply(question, { rcode: 'SERVFAIL' });
}

function refuse(
  question: DnsQuestion,
  name: string,
  { asker, why }: { readonly asker: Agent; readonly why: string },
  parts: NamesParts,
): Buffer {
  parts.refused(asker, name, why);
  const blocked = 'not declared in the gateway for this profile';
  // A resolver that is told of a name that it does not exist need not ask for those under it.
  const rcode = isAboveDeclared(parts.live(), asker.profile, canonicalHost(name) ?? '') ? 'NOERROR' : 'NXDOMAIN';
  return writeReply(question, { rcode, negativeTtlSeconds: NEGATIVE_TTL_SECONDS, blocked });
}

/** Addresses of a name that nobody declared; nothing else of it is told: other records carry what nobody judges. */
async function answerOther(question: DnsQuestion, host: string, asker: Agent, parts: NamesParts): Promise<Buffer> {
  const none = { rcode: 'NOERROR', negativeTtlSeconds: NEGATIVE_TTL_SECONDS } as const;
  if (question.type !== TYPE_A && question.type !== TYPE_AAAA) {
    return writeReply(question, none);
  }
  const { answer: found, fresh } = await parts.others.ask(asker.device, host, question.type === TYPE_A ? 4 : 6);
  if (fresh) {
    parts.asked(asker, host);
  }
  switch (found.kind) {
    case 'addresses': {
      const { type } = question;
      const answers = found.addresses
        .slice(0, MAX_ANSWERS)
        .map((ip): DnsRecord => ({ type, ttlSeconds: found.ttlSeconds, data: bytesOf(ip) }));
      return writeReply(question, { rcode: 'NOERROR', answers });
    }
    case 'none':
      return writeReply(question, none);
    case 'absent':
      return writeReply(question, { rcode: 'NXDOMAIN', negativeTtlSeconds: NEGATIVE_TTL_SECONDS });
    case 'failed':
      return writeReply(question, { rcode: 'SERVFAIL' });
    case 'shut':
      return refuse(question, host, { asker, why: found.why }, parts);
  }
}

/** The address in the question's own version; for any other type the name exists and has none (traps DN-01). */
function writeFound(question: DnsQuestion, { v4, v6 }: { readonly v4: string; readonly v6: string }): Buffer {
  const text = question.type === TYPE_A ? v4 : question.type === TYPE_AAAA ? v6 : null;
  if (text === null) {
    return writeReply(question, { rcode: 'NOERROR', negativeTtlSeconds: NEGATIVE_TTL_SECONDS });
  }
  const record: DnsRecord = { type: question.type, ttlSeconds: TTL_SECONDS, data: bytesOf(text) };
  return writeReply(question, { rcode: 'NOERROR', answers: [record] });
}

/** Names of virtual addresses, for clients that show them in their logs; only those of the profile. */
function answerReverse(question: DnsQuestion, name: string, profile: string, parts: NamesParts): Buffer {
  const ip = readReverse(name);
  const at = ip === null ? null : parts.addresses.find(ip);
  if (at?.kind === 'name' && (at.name === AGENT_NAME || findDeclared(parts.live(), profile, at.name) !== null)) {
    const record: DnsRecord = { type: TYPE_PTR, ttlSeconds: TTL_SECONDS, data: writeName(at.name) };
    return writeReply(question, { rcode: 'NOERROR', answers: [record] });
  }
  return writeReply(question, { rcode: 'NXDOMAIN', negativeTtlSeconds: NEGATIVE_TTL_SECONDS });
}

/** The address in a name under in-addr.arpa or ip6.arpa (RFC 1035, 3.5; RFC 3596, 2.5). */
function readReverse(name: string): string | null {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name)?.[1];
  if (v4 !== undefined) {
    return v4.split('.').slice(0, 4).toReversed().join('.');
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  return v6 === undefined
    ? null
    : (v6.replaceAll('.', '').split('').toReversed().join('').match(/.{4}/g)?.join(':') ?? null);
}

/** An address as a record carries it. */
export function bytesOf(text: string): Buffer {
  const ip = parseIp(text);
  const size = ip?.version === 6 ? 16 : 4;
  return Buffer.from((ip?.value ?? 0n).toString(16).padStart(size * 2, '0'), 'hex');
}
