// Profiles: which credential serves which endpoint, and how several are told apart (config reference, 1.4 and 1.6).
import { entriesOf, ownConstraints } from './build.ts';
import type { CheckParts } from './check-parts.ts';
import type { CredentialConfig, EndpointConfig } from './config.ts';
import type { Declared } from './declare.ts';
import type { Span } from './diagnostic.ts';
import { formatHostPort } from './hosts.ts';
import { credentialTypes } from './schema-credentials.ts';

interface Candidate {
  readonly credential: CredentialConfig;
  readonly constraints: Readonly<Record<string, string>>;
  /** Disambiguators stand on the profile's entry. */
  readonly written: boolean;
  readonly at: Span;
}

/** Checks every profile against the endpoints it reaches. */
export function checkProfiles(parts: CheckParts): void {
  const clashes = new Set<string>();
  for (const profile of parts.draft.all('profile')) {
    const candidates = collectCandidates(profile, parts);
    if (
      entriesOf(profile.block).length === 0 &&
      profile.block.written('credentials') &&
      !profile.block.broken('credentials')
    ) {
      const message = `profile "${profile.name}" holds no credential: its devices reach nothing`;
      const finding = { code: 'empty-profile', message, fix: 'list credentials' };
      parts.report.warning(profile.block.place('credentials'), finding);
    }
    checkDead(candidates, parts);
    const reached = parts.config.endpoints.filter((endpoint) => candidatesAt(candidates, endpoint).length > 0);
    for (const endpoint of reached) {
      checkCandidates(profile, { endpoint, candidates: candidatesAt(candidates, endpoint) }, parts);
    }
    checkHostClash(profile, { reached, clashes }, parts);
  }
}

function candidatesAt(candidates: readonly Candidate[], endpoint: EndpointConfig): readonly Candidate[] {
  return candidates.filter(({ credential }) => credential.endpoints.includes(endpoint.ref));
}

function collectCandidates({ block }: Declared, { config, report }: CheckParts): readonly Candidate[] {
  const known = new Map(config.credentials.map((credential) => [credential.ref, credential]));
  const candidates: Candidate[] = [];
  for (const { credential: ref, written, at } of entriesOf(block)) {
    const credential = known.get(ref);
    const type = credentialTypes[credential?.type ?? ''];
    if (credential === undefined || type === undefined) {
      continue;
    }
    const unsupported = Object.keys(written).filter((name) => !type.by.some((by) => by === name));
    for (const name of unsupported) {
      const message = `${credential.type} credentials are not told apart by "${name}"`;
      const fix = type.by.length === 0 ? 'remove it' : `write ${type.by.join(' or ')}`;
      report.error(at, { code: 'unsupported-disambiguator', message, fix });
    }
    const constraints = { ...ownConstraints(credential), ...written };
    for (const name of unsupported) {
      delete constraints[name];
    }
    candidates.push({ credential, constraints, written: Object.keys(written).length > unsupported.length, at });
  }
  return candidates;
}

/** A disambiguator on the entry of a credential that is alone wherever it serves tells nothing apart. */
function checkDead(candidates: readonly Candidate[], { config, report }: CheckParts): void {
  for (const candidate of candidates) {
    const { credential, written, at } = candidate;
    const served = config.endpoints.filter((endpoint) => credential.endpoints.includes(endpoint.ref));
    const alone = served.every((endpoint) => candidatesAt(candidates, endpoint).length === 1);
    if (written && alone) {
      const message = `${credential.ref} is the only credential at its endpoints: it is used unconditionally`;
      const fix = `write ${credential.ref} alone, without the disambiguator`;
      report.error(at, { code: 'dead-disambiguator', message, fix });
    }
  }
}

function checkCandidates(
  { name }: Declared,
  { endpoint, candidates }: { readonly endpoint: EndpointConfig; readonly candidates: readonly Candidate[] },
  { report }: CheckParts,
): void {
  for (const [index, candidate] of candidates.entries()) {
    for (const other of candidates.slice(0, index)) {
      const pair = `${other.credential.ref} and ${candidate.credential.ref}`;
      if (keyOf(candidate) === keyOf(other)) {
        const none = keyOf(candidate) === '';
        const message = `nothing tells ${pair} apart at ${endpoint.ref} in profile "${name}"`;
        const kinds = credentialTypes[candidate.credential.type]?.by ?? [];
        const fix =
          kinds.length === 0
            ? 'keep one of the two in this profile'
            : `write { credential = ${candidate.credential.ref}, ${kinds[0] ?? ''} = "…" }${none ? '; at most one may have none' : ''}`;
        report.error(candidate.at, { code: 'ambiguous-credentials', message, fix });
      } else if (overlaps(candidate.constraints['placeholder'], other.constraints['placeholder'])) {
        const message = `one placeholder of ${pair} contains the other`;
        report.error(candidate.at, {
          code: 'placeholder-prefix',
          message,
          fix: 'choose placeholders that are no part of one another',
        });
      }
    }
  }
}

function keyOf({ constraints }: Candidate): string {
  return Object.entries(constraints)
    .map(([name, value]) => JSON.stringify([name, value]))
    .toSorted()
    .join();
}

function overlaps(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b && (a.includes(b) || b.includes(a));
}

/** Two endpoints of one profile may not claim the same host and port: routing would have to choose. */
function checkHostClash(
  { name }: Declared,
  { reached, clashes }: { readonly reached: readonly EndpointConfig[]; readonly clashes: Set<string> },
  { draft, report }: CheckParts,
): void {
  const claims = new Map<string, EndpointConfig>();
  for (const endpoint of reached) {
    for (const [index, { host, port }] of endpoint.hosts.entries()) {
      const key = formatHostPort(host, port);
      const first = claims.get(key);
      if (first === undefined || first.ref === endpoint.ref) {
        claims.set(key, endpoint);
        continue;
      }
      const clash = `${first.ref} ${endpoint.ref} ${key}`;
      if (!clashes.has(clash)) {
        clashes.add(clash);
        const block = draft.all('endpoint').find(({ ref }) => ref === endpoint.ref)?.block;
        const attribute = ['host', 'hosts', 'server'].find((candidate) => block?.written(candidate) === true) ?? '';
        const message = `${endpoint.ref} and ${first.ref} both claim ${key}, and profile "${name}" reaches both`;
        const fix = 'give them different hosts or ports, or put their credentials into different profiles';
        report.error(block?.itemPlace(attribute, index) ?? endpoint.at, { code: 'host-clash', message, fix });
      }
    }
  }
}
