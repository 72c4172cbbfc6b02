// Joining a gateway: shows this machine's public key, waits until an operator (or a join token) lets it in, and gives what it needs. The private
// key is made here and stays here.
import { provePossession } from '../devices/possession.ts';
import type { Secret } from '../lib/secret.ts';
import { checkRecord } from './device-files.ts';
import { fieldOf, textOf } from '../lib/fields.ts';
import type { DeviceRecord } from './device-files.ts';
import { LinkError } from './link-answer.ts';
import type { GatewayLink } from './gateway-link.ts';

/** What is shown to the person at the machine while it waits. */
export interface JoinPrompt {
  readonly userCode: string;
  /** Where an operator can let it in, or null. */
  readonly url: string | null;
  readonly fingerprint: string;
  /** The code of an earlier request of this machine, which is withdrawn by this one, or null. */
  readonly replaced: string | null;
}

export interface EnrolParts {
  readonly link: GatewayLink;
  readonly fingerprint: string;
  readonly publicKey: string;
  /** Stays here: what is sent is a proof that it is here. */
  readonly privateKey: Secret;
  readonly hostname: string;
  /** A profile to ask for, or "". */
  readonly wish: string;
  readonly joinToken: Secret | null;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** Aborts when the person at the machine does not want to wait any more. */
  readonly signal: AbortSignal;
  /** Called when a person is needed. */
  readonly prompt: (prompt: JoinPrompt) => void;
}

export type EnrolResult =
  | { readonly kind: 'enrolled'; readonly record: DeviceRecord; readonly token: string; readonly caPem: string }
  /** `withdrawn`: another join of this machine has taken its place. */
  | { readonly kind: 'denied' | 'expired' | 'withdrawn' | 'interrupted' };

/** Whoever does not wait any more takes the request back, so that no operator is asked about it. Rejects with LinkError. */
export async function enrol(parts: EnrolParts): Promise<EnrolResult> {
  const { link, publicKey, hostname, wish, joinToken } = parts;
  const started = await link.post('/api/onboard/start', {
    public_key: publicKey,
    hostname,
    ...(wish === '' ? {} : { profile: wish }),
    ...(joinToken === null ? {} : { token: joinToken.reveal() }),
  });
  const deviceCode = read(() => textOf(started, 'device_code'));
  const proof = read(() => prove(textOf(started, 'proof_key'), deviceCode, parts));
  const url = fieldOf(started, 'verification_url');
  if (joinToken === null) {
    const userCode = read(() => textOf(started, 'user_code'));
    const replaced = fieldOf(started, 'replaced_code');
    parts.prompt({
      userCode,
      url: typeof url === 'string' ? url : null,
      fingerprint: parts.fingerprint,
      replaced: typeof replaced === 'string' ? replaced : null,
    });
  }
  const interval = fieldOf(started, 'interval');
  const pauseMs = typeof interval === 'number' && interval >= 1 && interval <= 60 ? interval * 1000 : 2000;
  const ended = await waitForOperator(parts, deviceCode, pauseMs);
  if (ended === 'approved') {
    return readClaim(await link.post('/api/onboard/claim', { device_code: deviceCode, proof }), parts);
  }
  if (ended === 'gave-up' || ended === 'interrupted') {
    // What cannot be taken back expires by itself, and an older gateway knows no such call.
    await link.post('/api/onboard/withdraw', { device_code: deviceCode }).catch(() => undefined);
  }
  return { kind: ended === 'gave-up' ? 'expired' : ended };
}

type Ended = 'approved' | 'denied' | 'expired' | 'withdrawn' | 'interrupted' | 'gave-up';

async function waitForOperator(
  { link, timeoutMs, now, sleep, signal }: EnrolParts,
  deviceCode: string,
  pauseMs: number,
): Promise<Ended> {
  const interrupted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const endMs = now() + timeoutMs;
  for (;;) {
    const state = await link.post('/api/onboard/poll', { device_code: deviceCode });
    const status = read(() => textOf(state, 'status'));
    if (status === 'approved' || status === 'denied' || status === 'expired' || status === 'withdrawn') {
      return status;
    }
    if (now() + pauseMs > endMs) {
      return 'gave-up';
    }
    await Promise.race([sleep(pauseMs), interrupted]);
    if (signal.aborted) {
      return 'interrupted';
    }
  }
}

/** Throws for a key that cannot be the gateway's. */
function prove(proofKey: string, deviceCode: string, { privateKey }: EnrolParts): string {
  const proof = provePossession({ privateKey: privateKey.reveal(), publicKey: proofKey }, deviceCode);
  if (proof === null) {
    throw new RangeError('no key of X25519');
  }
  return proof;
}

function readClaim(claimed: unknown, { link, fingerprint }: EnrolParts): EnrolResult {
  const { protocol, host, port } = link.url;
  const url = `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`;
  const tunnel = fieldOf(claimed, 'tunnel');
  return read(() => ({
    kind: 'enrolled',
    token: textOf(claimed, 'token'),
    caPem: textOf(claimed, 'ca'),
    record: checkRecord({
      gateway: { url, fingerprint },
      device: fieldOf(claimed, 'device'),
      addresses: fieldOf(claimed, 'addresses'),
      resolver: fieldOf(claimed, 'resolver'),
      tunnel: {
        publicKey: fieldOf(tunnel, 'public_key'),
        endpoint: fieldOf(tunnel, 'endpoint'),
        mtu: fieldOf(tunnel, 'mtu'),
      },
    }),
  }));
}

function read<T>(take: () => T): T {
  try {
    return take();
  } catch (error) {
    throw new LinkError(0, 'the gateway answered something that this version does not understand', { cause: error });
  }
}
