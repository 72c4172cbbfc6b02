// An agent's login at the gateway where the endpoint asks for one (`agent_password`): the server's half of SCRAM-SHA-256. The agent is
// known by its transport; this is for clients that insist on authentication, and for listeners that more than one program can reach.
// The password belongs to the endpoint, not to a role: every user name is treated alike and before anything is looked up, so that
// answers tell nothing about names. Pure: serve.ts moves the bytes and derives the verifier.
import { timingSafeEqual } from 'node:crypto';
import { FRONT, saslContinueMessage, saslFinalMessage, saslOfferMessage } from './codec.ts';
import { MAX_SASL_BYTES, SASL_MECHANISM, SASL_MECHANISM_PLUS, hmac, sha256, xor, type Verifier } from './scram.ts';

/** What PostgreSQL makes new passwords with. */
export const AGENT_SCRAM_ITERATIONS = 4096;
/** A SASL message of the client, with its header. */
export const MAX_AGENT_LOGIN_BYTES = MAX_SASL_BYTES + 256;

export type AgentLoginStep =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  /** The agent knows the password. AuthenticationOk is still to be sent. */
  | { readonly kind: 'accepted'; readonly bytes: Buffer }
  /** SQLSTATE and text for the client; `detail` for the record. Nothing of it says more than that it failed. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly detail: string };

export interface AgentLoginParts {
  readonly verifier: Verifier;
  /** As the client named it; for the error's text only. */
  readonly user: string;
  /** Fresh and random, printable, without a comma. */
  readonly nonce: string;
}

type State =
  | { readonly kind: 'initial' }
  | { readonly kind: 'final'; readonly gs2: string; readonly nonce: string; readonly exchanged: string }
  | { readonly kind: 'over' };

/** What the client is asked first. */
export const AGENT_LOGIN_OFFER: Buffer = saslOfferMessage([SASL_MECHANISM]);

const NOT_BOUND =
  'channel binding is not offered: this gateway ends TLS itself; connect with channel_binding=prefer or disable';

/** One login. Feed it every message up to `accepted` or `failed`. */
export class AgentLogin {
  readonly #parts: AgentLoginParts;
  #state: State = { kind: 'initial' };

  constructor(parts: AgentLoginParts) {
    this.#parts = parts;
  }

  /** A whole message from the client. */
  take(type: number, body: Buffer): AgentLoginStep {
    const state = this.#state;
    this.#state = { kind: 'over' };
    if (type !== FRONT.password || body.length > MAX_AGENT_LOGIN_BYTES) {
      return broken('something else than a SASL response');
    }
    switch (state.kind) {
      case 'initial':
        return this.#initial(body);
      case 'final':
        return this.#final(body.toString('latin1'), state);
      case 'over':
        return broken('a SASL response after the end');
    }
  }

  #initial(body: Buffer): AgentLoginStep {
    const end = body.indexOf(0);
    const mechanism = end < 0 ? '' : body.toString('latin1', 0, end);
    if (mechanism === SASL_MECHANISM_PLUS) {
      return { kind: 'failed', code: '28000', message: NOT_BOUND, detail: 'the client asked for channel binding' };
    }
    const data = body.subarray(end + 5);
    if (mechanism !== SASL_MECHANISM || body.length < end + 5 || body.readUInt32BE(end + 1) !== data.length) {
      return broken('a SASL mechanism that was not offered, or a length that does not fit');
    }
    // GS2 header, then user name (empty with libpq, and not looked at: the startup packet's counts), nonce, extensions. A leading "m="
    // (mandatory extension) does not match, so it is refused.
    const first = data.toString('utf8');
    const match = /^((n|y|p=[^,]*),(?:a=[^,]*)?,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/su.exec(first);
    const [, gs2 = '', flag = '', bare = '', clientNonce = ''] = match ?? [];
    if (flag.startsWith('p')) {
      return { kind: 'failed', code: '28000', message: NOT_BOUND, detail: 'the client asked for channel binding' };
    }
    if (match === null || gs2.length !== 3) {
      return broken('a malformed SCRAM message, or one for another identity');
    }
    const { salt, iterations } = this.#parts.verifier;
    const nonce = clientNonce + this.#parts.nonce;
    const challenge = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
    this.#state = { kind: 'final', gs2, nonce, exchanged: `${bare},${challenge}` };
    return { kind: 'send', bytes: saslContinueMessage(challenge) };
  }

  #final(text: string, { gs2, nonce, exchanged }: Extract<State, { kind: 'final' }>): AgentLoginStep {
    const match = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[^p].*)?),p=([A-Za-z0-9+/]{43}=)$/s.exec(text);
    const [, withoutProof = '', binding = '', echoed = '', proof = ''] = match ?? [];
    if (match === null || binding !== Buffer.from(gs2).toString('base64') || echoed !== nonce) {
      return broken('a malformed SCRAM proof');
    }
    const { storedKey, serverKey } = this.#parts.verifier;
    const authMessage = `${exchanged},${withoutProof}`;
    const clientKey = xor(Buffer.from(proof, 'base64'), hmac(storedKey, authMessage));
    if (!timingSafeEqual(sha256(clientKey), storedKey)) {
      const { user } = this.#parts;
      return {
        kind: 'failed',
        code: '28P01',
        message: `password authentication failed for user "${user}"`,
        detail: 'the agent does not know the agent_password of the endpoint',
      };
    }
    return { kind: 'accepted', bytes: saslFinalMessage(`v=${hmac(serverKey, authMessage).toString('base64')}`) };
  }
}

function broken(what: string): AgentLoginStep {
  return {
    kind: 'failed',
    code: '08P01',
    message: 'malformed SASL response',
    detail: `agent login: the client sent ${what}`,
  };
}
