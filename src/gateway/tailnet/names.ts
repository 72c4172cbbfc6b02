// Questions about names that tailscaled itself asks. It asks for two reasons that cannot be told apart: for itself, and for peers whose exit
// node this host is: their own tailscaled sends every question to the exit node's, which asks the first server of /etc/resolv.conf. Both must
// therefore be ours. Nothing that a peer can choose may go further: declared names have their virtual addresses, the names that tailscaled
// needs to live are looked up, and no other name exists.
import { isIPv4 } from 'node:net';
import type { Agent } from '../../rules/action.ts';
import type { Live } from '../live.ts';
import { TYPE_A, TYPE_AAAA, takeQuestion, writeReply } from '../tunnel/dns-message.ts';
import type { DnsQuestion } from '../tunnel/dns-message.ts';
import type { Inside } from '../tunnel/inside.ts';
import { bytesOf, findDeclared } from '../tunnel/names.ts';

const TTL_SECONDS = 60;
const NEGATIVE_TTL_SECONDS = 5;

export interface OwnNamesParts {
  readonly live: () => Live;
  readonly inside: Pick<Inside, 'answer' | 'refuseName'>;
  /** Lower-case names that tailscaled needs: control server and relays. */
  readonly needed: () => ReadonlySet<string>;
  /** Addresses of such a name. Rejects when there are none. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** A question of the check that these questions come here. */
  readonly canary: (name: string) => boolean;
}

/** The answer to one message; null for what is none. Never rejects. */
export function createOwnNames(parts: OwnNamesParts): (message: Buffer) => Buffer | null | Promise<Buffer> {
  return (message) => {
    const taken = takeQuestion(message);
    switch (taken.kind) {
      case 'dropped':
        return null;
      case 'refused':
        return taken.reply;
      case 'question':
        return answer(message, taken.question, parts);
    }
  };
}

/** Whoever it is: tailscaled does not say. */
function asker(profile: string): Agent {
  return { device: '', profile, run: '', user: '', ip: '', transport: 'tailscale' };
}

function answer(message: Buffer, question: DnsQuestion, parts: OwnNamesParts): Buffer | null | Promise<Buffer> {
  const { live, inside, needed, canary } = parts;
  const name = question.name ?? '';
  const absent = { rcode: 'NXDOMAIN', negativeTtlSeconds: NEGATIVE_TTL_SECONDS } as const;
  if (canary(name)) {
    return writeReply(question, absent);
  }
  const profile = [...live().profiles.keys()].find((one) => findDeclared(live(), one, name) !== null);
  if (profile !== undefined) {
    return inside.answer(message, asker(profile));
  }
  if (needed().has(name)) {
    return lookUp(question, name, parts);
  }
  inside.refuseName(asker(''), name, 'no endpoint has that name; a node of the tailnet asked through tailscaled');
  return writeReply(question, { ...absent, blocked: 'not declared in the gateway' });
}

async function lookUp(question: DnsQuestion, name: string, { resolve }: OwnNamesParts): Promise<Buffer> {
  const { type } = question;
  const found = await resolve(name).catch(() => null);
  if (found === null) {
    return writeReply(question, { rcode: 'SERVFAIL' });
  }
  const fitting = found.filter((ip) => (isIPv4(ip) ? TYPE_A : TYPE_AAAA) === type).slice(0, 8);
  const answers = fitting.map((ip) => ({ type, ttlSeconds: TTL_SECONDS, data: bytesOf(ip) }));
  return writeReply(
    question,
    answers.length > 0 ? { rcode: 'NOERROR', answers } : { rcode: 'NOERROR', negativeTtlSeconds: NEGATIVE_TTL_SECONDS },
  );
}
