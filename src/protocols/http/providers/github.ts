// GitHub: the operation id of the REST description, and the fields of GraphQL mutations (fact reference, 4.3). `uploads.`, `raw.`, `codeload.`
// and `gist.` hosts are hosts of their own, and no part of the API. An Enterprise server has the API under /api/v3 of its own host.
import { Unknown } from '../../../rules/action.ts';
import type { FactRecord } from '../../../rules/action.ts';
import { possibleSegments } from '../path.ts';
import type { HttpRequest } from '../request.ts';
import type { CanonicalTarget } from '../target.ts';
import { ADMINISTERS, DELETES, READS, readingOf, REVEALS, RUNS, unknownCall, WRITES } from './action-class.ts';
import type { Judged } from './action-class.ts';
import { GITHUB_OPERATIONS } from './data/github.ts';
import type { Provider, ProviderReading } from './provider.ts';
import { createTemplates } from './templates.ts';
import type { Templates } from './templates.ts';

let templates: Templates | null = null;

/** Read when first needed: a pure function of the table. */
function operations(): Templates {
  templates ??= createTemplates(GITHUB_OPERATIONS.trim().split('\n'));
  return templates;
}

export const github: Provider = {
  needsBody: () => false,
  read(request, _body, canonical) {
    const path = apiPath(request, canonical);
    return path === null ? null : readCall(request, path);
  },
  readGraphql(request, call, { segments }) {
    const place = request.host === API_HOST ? 'graphql' : 'api/graphql';
    const asked = segments instanceof Unknown ? [] : segments.filter((segment) => segment !== '');
    if (asked.join('/').toLowerCase() !== place || call?.type === 'query' || call?.type === 'subscription') {
      return null;
    }
    if (call === null) {
      const unread = new Unknown('unparseable');
      return [{ ...readingOf(unread, { 'github.action': unread }, unknownCall('POST')), opaque: true }];
    }
    return call.fields.map((field) => {
      const facts = { 'github.action': `graphql/${field}` };
      return readingOf(`github:graphql/${field}`, facts, judgeMutation(field));
    });
  },
};

const API_HOST = 'api.github.com';

/** Segments behind the root of the API; Unknown where the path is; null where this is not GitHub's API. */
function apiPath({ host, rawPath }: HttpRequest, { segments }: CanonicalTarget): readonly string[] | Unknown | null {
  const enterprise = host !== API_HOST && isEnterprise(host);
  if (host !== API_HOST && !enterprise) {
    return null;
  }
  if (segments instanceof Unknown) {
    return enterprise && !possibleSegments(rawPath).includes('api') ? null : segments;
  }
  if (enterprise && (segments[0] !== 'api' || segments[1] !== 'v3')) {
    return null;
  }
  const path = segments.at(-1) === '' ? segments.slice(0, -1) : segments;
  // The path of GraphQL has its facts from the operations in the body.
  return path[0]?.toLowerCase() === 'graphql' && path.length === 1 ? null : enterprise ? path.slice(2) : path;
}

/** Enterprise servers have any name; other products with an /api/v3 of their own (GitLab's old one) are known by theirs. */
function isEnterprise(host: string): boolean {
  return /(?:^|[.-])(?:github|ghes?)(?:[.-]|$)/.test(host);
}

function readCall(request: HttpRequest, path: readonly string[] | Unknown): ProviderReading {
  if (path instanceof Unknown) {
    const facts = { 'github.action': path, 'github.owner': path, 'github.repo': path };
    return readingOf(path, facts, unknownCall(request.method));
  }
  // A repository can be asked for by its number: the same calls, of a repository whose name the request does not tell.
  const byId = path[0] === 'repositories' && path[1] !== undefined;
  const named = byId ? ['repos', '', '', ...path.slice(2)] : path;
  const asked = request.method === 'HEAD' ? 'GET' : request.method;
  const match = operations().find(asked, named);
  const facts = placeFacts(path, byId);
  if (match === null) {
    return readingOf(`github:${asked.toLowerCase()}`, { ...facts, 'github.action': '' }, unknownCall(request.method));
  }
  return readingOf(
    `github:${match.name}`,
    { ...facts, 'github.action': match.name },
    judgeOperation(match.name, asked),
  );
}

/** Names of owners and repositories are the same in any case: lower case, so that a rule cannot be slipped past by another spelling. */
function placeFacts(path: readonly string[], byId: boolean): FactRecord {
  if (byId) {
    return { 'github.owner': new Unknown('unresolved'), 'github.repo': new Unknown('unresolved') };
  }
  const [root = '', owner = '', repo = ''] = path;
  const holders = ['repos', 'orgs', 'users', 'organizations', 'enterprises'];
  return {
    'github.owner': holders.includes(root) ? owner.toLowerCase() : '',
    'github.repo': root === 'repos' ? repo.toLowerCase() : '',
  };
}

const SECRETS =
  /(?:^(?:actions|dependabot|codespaces|agents|private-registries)\/.*(?:secret|public-key)|deploy-key|token|jitconfig|^secret-scanning\/|^actions\/download-|^repos\/download-\w+-archive$|^credentials\/)/;
const RUNNING =
  /^(?:actions\/(?:create-workflow-dispatch|re-run|approve-workflow-run|review-)|repos\/create-dispatch-event|agent-tasks\/create|copilot\/.*agent|codespaces\/(?:create|start|export|publish))/;
const CONTENT =
  /^(?:pulls\/(?:merge|update-branch)|git\/(?:create|update|delete)-ref|repos\/(?:merge|merge-upstream|create-or-update-file-contents|delete-file|rename-branch|.*release(?:-asset)?|.*release-asset|sync-fork))/;
/** Who may do what, and what guards it: whole families of calls, then calls on a repository by what they name. */
const ADMIN = new RegExp(
  [
    '^(?:orgs|teams|apps|billing|oidc|migrations|hosted-compute|code-security|interactions)/',
    '^enterprise-',
    '^actions/(?:set|enable|disable|.*runner)',
    '^users/.*(?:key|email|block|follow|social)',
    '^repos/(?:delete|transfer|update|create-for-authenticated-user|create-in-org|create-using-template)$',
    '^repos/.*(?:collaborator|protection|-restrictions|webhook|environment|branch-policy|ruleset|invitation)',
    '^repos/.*(?:vulnerability|security-fixes|immutable|lfs)',
  ].join('|'),
);

/** The tiers of the fact reference, 7.9. */
function judgeOperation(name: string, method: string): Judged {
  const read = method === 'GET';
  if (SECRETS.test(name) && !/public-key/.test(name)) {
    return REVEALS;
  }
  if (read) {
    return READS;
  }
  if (RUNNING.test(name)) {
    return RUNS;
  }
  if (CONTENT.test(name)) {
    return CONTENT_WRITE;
  }
  if (ADMIN.test(name)) {
    return ADMINISTERS;
  }
  // Taking a label, an assignee or a reaction off is an edit; what is deleted is gone.
  const edit =
    /^(?:issues|reactions|pulls|activity)\/(?:remove|unlock|delete-(?:for|reaction)|unsub|unmark|unstar)/.test(name);
  return method === 'DELETE' && !edit ? DELETES : WRITES;
}

const CONTENT_WRITE: Judged = {
  class: 'write',
  risk: 'destructive',
  causes: ['content'],
  reason: 'changes what a branch or a release holds',
};

const DESTRUCTIVE_FIELD = /delete|remove|destroy|revoke|archive|transfer|merge|grant|admin/i;
/** Mutations that move refs, as the REST calls of the same effect. */
const CONTENT_FIELDS: readonly string[] = [
  'createRef',
  'updateRef',
  'updateRefs',
  'createCommitOnBranch',
  'revertPullRequest',
];

function judgeMutation(field: string): Judged {
  if (CONTENT_FIELDS.includes(field) || /^(?:merge|enqueue|enable)PullRequest|^mergeBranch$/.test(field)) {
    return CONTENT_WRITE;
  }
  if (/grant|admin|transfer|archive|protection|ruleset|collaborator|environment|permission/i.test(field)) {
    return ADMINISTERS;
  }
  return DESTRUCTIVE_FIELD.test(field) ? DELETES : WRITES;
}
