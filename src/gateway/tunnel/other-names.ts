// Names that nobody declared, under `unknown_host = "passthrough"`: asked of the gateway's own resolver, and told to devices without the
// addresses that stay shut. What was told is remembered, so that a connection to the address is recorded with the name.
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../lib/clock.ts';
import { Lru } from '../../lib/lru.ts';
import type { FindShut } from '../arriving/undeclared.ts';

/** How long an answer is kept, whatever its own time to live. */
const MIN_TTL_SECONDS = 5;
const MAX_TTL_SECONDS = 300;
const MAX_CACHED = 4096;
const MAX_REMEMBERED = 20_000;
/** Questions on their way to the resolver, of one device. */
const MAX_ASKING = 32;

export type OtherAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[]; readonly ttlSeconds: number }
  /** The name exists, or may, and has no such address. */
  | { readonly kind: 'none' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed' }
  /** Its addresses stay shut. */
  | { readonly kind: 'shut'; readonly why: string };

export interface OtherNamesParts {
  readonly clock: Clock;
  /** `gateway { resolver }`, or null for the system's. */
  readonly resolver: () => string | null;
  readonly findShut: () => FindShut;
  /** Whether this machine has a way out over IPv6: a device must not be sent where nothing can follow. */
  readonly reachesV6: () => boolean;
}

export interface OtherNames {
  /** Never rejects. `fresh`: the question left the gateway for it. */
  ask(device: string, name: string, version: 4 | 6): Promise<{ readonly answer: OtherAnswer; readonly fresh: boolean }>;
  /** The name that the device asked for last and was told that address for, or "". */
  nameOf(device: string, ip: string): string;
}

export function createOtherNames(parts: OtherNamesParts): OtherNames {
  const cache = new Lru<string, { readonly answer: OtherAnswer; readonly untilMs: number }>(MAX_CACHED);
  const told = new Lru<string, string>(MAX_REMEMBERED);
  const asking = new Map<string, number>();
  const lookUp = async (device: string, name: string, version: 4 | 6): Promise<OtherAnswer> => {
    const running = asking.get(device) ?? 0;
    if (running >= MAX_ASKING) {
      return { kind: 'failed' };
    }
    asking.set(device, running + 1);
    try {
      return await query(name, version, parts.resolver());
    } finally {
      const left = (asking.get(device) ?? 1) - 1;
      if (left > 0) {
        asking.set(device, left);
      } else {
        asking.delete(device);
      }
    }
  };
  return {
    async ask(device, name, version) {
      const key = `${version} ${name}`;
      const nowMs = parts.clock.monotonicMs();
      const kept = cache.find(key);
      const isKept = kept !== null && kept.untilMs > nowMs;
      if (version === 6 && !parts.reachesV6()) {
        return { answer: { kind: 'none' }, fresh: false };
      }
      const found = isKept ? kept.answer : await lookUp(device, name, version);
      if (!isKept && found.kind !== 'failed') {
        const ttlSeconds = found.kind === 'addresses' ? found.ttlSeconds : MIN_TTL_SECONDS;
        cache.put(key, { answer: found, untilMs: parts.clock.monotonicMs() + ttlSeconds * 1000 });
      }
      const answer = withoutShut(found, parts.findShut());
      if (answer.kind === 'addresses') {
        answer.addresses.forEach((ip) => told.put(`${device} ${ip}`, name));
      }
      return { answer, fresh: !isKept };
    },
    nameOf: (device, ip) => told.find(`${device} ${ip}`) ?? '',
  };
}

function withoutShut(answer: OtherAnswer, findShut: FindShut): OtherAnswer {
  if (answer.kind !== 'addresses') {
    return answer;
  }
  const open = answer.addresses.filter((ip) => findShut(ip) === null);
  const [first = ''] = answer.addresses;
  return open.length === 0
    ? { kind: 'shut', why: `${first}: ${findShut(first) ?? 'it has no address'}` }
    : { ...answer, addresses: open };
}

async function query(name: string, version: 4 | 6, server: string | null): Promise<OtherAnswer> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  try {
    if (server !== null) {
      resolver.setServers([server]);
    }
    const records = await (version === 4
      ? resolver.resolve4(name, { ttl: true })
      : resolver.resolve6(name, { ttl: true }));
    const ttl = Math.min(...records.map((record) => record.ttl));
    return {
      kind: 'addresses',
      addresses: records.map(({ address }) => address),
      ttlSeconds: Math.min(MAX_TTL_SECONDS, Math.max(MIN_TTL_SECONDS, ttl)),
    };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ENODATA' ? { kind: 'none' } : code === 'ENOTFOUND' ? { kind: 'absent' } : { kind: 'failed' };
  }
}
