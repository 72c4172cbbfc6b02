// The one table of blocks and attributes. Decoding, "did you mean" and the reference page are driven by it; a block or
// attribute that is not here is an error.
import { credentialTypes } from './schema-credentials.ts';
import { endpointCommon, endpointTypes } from './schema-endpoints.ts';
import type { EndpointType } from './schema-endpoints.ts';
import { defaultsSpec, gatewaySpec, grantSpec } from './schema-gateway.ts';
import { approverTypes, contextTypes, notifierTypes, profileSpec, riskSpec, ruleSpec } from './schema-people.ts';
import { pluginSpec, tunnelTypes } from './schema-tunnels.ts';
import { int, strings } from './schema-types.ts';
import type { AttributeSpec, BlockSpec, TopLevelSpec } from './schema-types.ts';

const endpointHints: Readonly<Record<string, string>> = {
  credential: 'name the endpoint in the credential: credential "TYPE" "NAME" { endpoint = … }',
  credentials: 'name the endpoint in each credential: credential "TYPE" "NAME" { endpoint = … }',
};

function withCommon(type: EndpointType): BlockSpec {
  return { ...type, attributes: { ...type.attributes, ...endpointCommon }, hints: endpointHints };
}

/** Attributes of a file itself. */
export const fileAttributes: Readonly<Record<string, AttributeSpec>> = {
  schema_version: { type: int(0, 1), default: 0, doc: 'Grammar of the file: 1.' },
  include: { type: strings, default: [], doc: 'Files to read at this place; globs *, ? and […] within one segment.' },
};

/** Every block that may stand at the top of a file. */
export const topLevelBlocks: Readonly<Record<string, TopLevelSpec>> = {
  gateway: { labels: 'none', doc: gatewaySpec.doc, body: gatewaySpec },
  defaults: { labels: 'none', doc: defaultsSpec.doc, body: defaultsSpec },
  grant: { labels: 'none', doc: grantSpec.doc, body: grantSpec },
  risk: { labels: 'tier', doc: riskSpec.doc, body: riskSpec },
  profile: { labels: 'name', doc: profileSpec.doc, body: profileSpec },
  rule: { labels: 'name', doc: ruleSpec.doc, body: ruleSpec },
  plugin: { labels: 'name', doc: pluginSpec.doc, body: pluginSpec },
  credential: {
    labels: 'type-name',
    doc: 'What is injected so that the agent never holds it.',
    types: credentialTypes,
  },
  endpoint: {
    labels: 'type-name',
    doc: 'An upstream that agents may reach.',
    types: Object.fromEntries(Object.entries(endpointTypes).map(([name, type]) => [name, withCommon(type)])),
  },
  approver: { labels: 'type-name', doc: 'A model or people who decide.', types: approverTypes },
  tunnel: { labels: 'type-name', doc: 'A way to upstreams that cannot be dialled.', types: tunnelTypes },
  notifier: { labels: 'type-name', doc: 'Announces approvals.', types: notifierTypes },
  context: { labels: 'type-name', doc: 'Fetches what an agent is working on.', types: contextTypes },
};

/** Blocks of other grammars, and what took their place. */
export const formerBlocks: Readonly<Record<string, string>> = {
  policy: 'write rule "NAME" { endpoint = …, condition = "…", verdict = "…" }',
  device: 'devices enrol with "clawpatrol join"; what they may use stands in profile "NAME" {}',
};
