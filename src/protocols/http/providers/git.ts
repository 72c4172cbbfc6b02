// git over smart HTTP, on any host: what the client wants to do, with which repository, and which refs a push moves (fact reference, 4.3;
// git documentation, gitprotocol-http). The advertisement of refs for a push counts as the push.
import { Unknown } from '../../../rules/action.ts';
import type { FactRecord, FactValue } from '../../../rules/action.ts';
import { contentOf } from '../body.ts';
import type { RequestState } from '../flavour.ts';
import { isGitPath, mayBeGitPath, GIT_ENDING } from '../git-path.ts';
import { possibleSegments } from '../path.ts';
import { fieldValues } from '../request.ts';
import type { BodyReading, HttpRequest } from '../request.ts';
import type { CanonicalTarget } from '../target.ts';
import { DELETES, READS, readingOf, unknownCall, WRITES } from './action-class.ts';
import type { Judged } from './action-class.ts';
import { parsePush } from './git-push.ts';
import type { PushCommands, RefCommand } from './git-push.ts';
import type { Provider, ProviderReading } from './provider.ts';

export const git: Provider = {
  needsBody: (request, canonical) =>
    asks(request) && placeOf(request, canonical)?.endsWith('/git-receive-pack') === true,
  read(request, body, canonical, state) {
    const place = placeOf(request, canonical);
    if (place !== null) {
      return readGit(request, place, { body, canonical, state });
    }
    const may = canonical.path instanceof Unknown && mayBeGitPath(possibleSegments(request.rawPath));
    return may && canonical.path instanceof Unknown ? unreadGit(canonical.path) : null;
  },
};

/** Whether a request says in its body what is to be done. */
function asks({ method }: HttpRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The path as a server of git reads it, without a slash at its end; null where it is none of git's. */
function placeOf({ rawPath }: HttpRequest, { path }: CanonicalTarget): string | null {
  const place = (path instanceof Unknown ? rawPath : path).replace(/\/$/, '');
  return isGitPath(place) ? place : null;
}

/** A path that some servers take for one of git's. */
function unreadGit(why: Unknown): ProviderReading {
  const names = ['git.operation', 'git.repo', 'git.refs', 'git.options', 'github.owner', 'github.repo'];
  return readingOf(why, Object.fromEntries(names.map((name) => [name, why])), unknownCall('POST'));
}

interface Parts {
  readonly body: BodyReading;
  readonly canonical: CanonicalTarget;
  readonly state: RequestState;
}

function readGit(request: HttpRequest, place: string, { body, canonical, state }: Parts): ProviderReading {
  const operation = operationOf(place, canonical);
  const { path } = canonical;
  const repo =
    path instanceof Unknown
      ? path
      : place
          .replace(GIT_ENDING, '')
          .replace(/^\//, '')
          .replace(/\.git$/, '');
  const known: FactRecord = { 'git.operation': operation, 'git.repo': repo, ...githubPlace(request.host, repo) };
  if (operation instanceof Unknown) {
    return readingOf(operation, known, unknownCall('POST'));
  }
  if (operation !== 'push') {
    // Locks and uploads of large files are writes; what is asked for to download them is a POST too.
    const writes = operation === 'lfs' && request.method !== 'GET' && !place.endsWith('/objects/batch');
    return readingOf(`git:${operation}`, known, writes ? WRITES : READS);
  }
  if (!asks(request)) {
    // What it would move is told by the POST that follows; until then nothing is.
    return readingOf('git:push', known, { ...READS, class: 'write' });
  }
  const commands = commandsOf(request, body);
  const moved: FactRecord =
    commands instanceof Unknown
      ? { 'git.refs': commands, 'git.options': commands }
      : { 'git.refs': commands.refs.map((command): FactRecord => ({ ...command })), 'git.options': commands.options };
  const reading = readingOf('git:push', { ...known, ...moved }, judgePush(commands, state));
  return commands instanceof Unknown ? { ...reading, opaque: true } : reading;
}

function operationOf(place: string, { query }: CanonicalTarget): string | Unknown {
  if (place.endsWith('/info/refs')) {
    if (query instanceof Unknown) {
      return query;
    }
    const services = query.get('service') ?? ['git-upload-pack'];
    const [service, second] = services;
    const known = { 'git-upload-pack': 'fetch', 'git-receive-pack': 'push', 'git-upload-archive': 'archive' };
    return second === undefined && service !== undefined && Object.hasOwn(known, service)
      ? (Object.entries(known).find(([name]) => name === service)?.[1] ?? new Unknown('ambiguous'))
      : new Unknown('ambiguous');
  }
  if (place.endsWith('/git-receive-pack')) {
    return 'push';
  }
  if (place.endsWith('/git-upload-pack')) {
    return 'fetch';
  }
  return place.endsWith('/git-upload-archive') ? 'archive' : 'lfs';
}

function githubPlace(host: string, repo: FactValue): FactRecord {
  const [owner, name, more] = host === 'github.com' && typeof repo === 'string' ? repo.split('/') : [];
  return owner === undefined || name === undefined || more !== undefined
    ? {}
    : { 'github.owner': owner.toLowerCase(), 'github.repo': name.toLowerCase() };
}

/** The list of commands ends before the pack, so that the beginning of a long push is enough. */
function commandsOf(request: HttpRequest, body: BodyReading): PushCommands | Unknown {
  const coded = fieldValues(request.fields, 'content-encoding').length > 0;
  const bytes = body.kind === 'cut' && !coded ? body.bytes : contentOf(request, body).bytes;
  if (bytes instanceof Unknown) {
    return bytes;
  }
  return parsePush(bytes) ?? new Unknown(body.kind === 'cut' ? body.cause : 'unparseable');
}

const OPAQUE: Judged = {
  class: 'write',
  risk: 'destructive',
  causes: ['opaque'],
  reason: 'the refs of this push cannot be read',
};
const MOVES: Judged = {
  class: 'write',
  risk: 'destructive',
  causes: ['push'],
  reason: 'pushes to a ref that the endpoint does not list as free',
};

function judgePush(commands: PushCommands | Unknown, { config }: RequestState): Judged {
  if (commands instanceof Unknown) {
    return OPAQUE;
  }
  const listed = config.attributes['free_refs'];
  const free = Array.isArray(listed) ? listed.filter((one): one is string => typeof one === 'string') : [];
  if (commands.refs.some(({ kind }) => kind === 'delete')) {
    return DELETES;
  }
  // A push of nothing is how git finds out whether it may push.
  return commands.refs.length === 0 ? { ...READS, class: 'write' } : commands.refs.every(isFree(free)) ? WRITES : MOVES;
}

/** `refs/heads/agent/*` frees everything below `refs/heads/agent/`. */
function isFree(free: readonly string[]): (command: RefCommand) => boolean {
  return ({ ref }) => free.some((one) => (one.endsWith('/*') ? ref.startsWith(one.slice(0, -1)) : ref === one));
}
