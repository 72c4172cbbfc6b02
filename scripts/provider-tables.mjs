#!/usr/bin/env node
// Makes the tables of provider calls in src/protocols/http/providers/data/ from the providers' own published descriptions. Run by hand, with
// the unpacked packages that hold them:
//
//   pip download --no-deps google-api-python-client botocore && unzip … -d DIR     (PyPI: discovery documents, service models)
//   npm pack @octokit/openapi && tar xzf … -C DIR                                  (npm: GitHub's REST description)
//   node scripts/provider-tables.mjs google DIR/googleapiclient/discovery_cache/documents
//   node scripts/provider-tables.mjs aws DIR/botocore
//   node scripts/provider-tables.mjs github DIR/package
//
// A row is `template METHOD=name METHOD=name`: `*` stands for one segment of a path, `**` for the rest of it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const OUT = 'src/protocols/http/providers/data';
const [provider, folder] = process.argv.slice(2);
const readJson = (path) =>
  JSON.parse(path.endsWith('.gz') ? gunzipSync(readFileSync(path)).toString('utf8') : readFileSync(path, 'utf8'));

/** `__version__` of a Python package. */
function versionIn(file) {
  return /__version__ = ['"]([^'"]+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
}

/** Services of Google Cloud that agents use, with the versions whose calls are known, the leading one first. */
const GOOGLE = {
  artifactregistry: ['v1'],
  bigquery: ['v2'],
  cloudbilling: ['v1'],
  cloudbuild: ['v1', 'v2'],
  cloudfunctions: ['v2', 'v1'],
  cloudkms: ['v1'],
  cloudresourcemanager: ['v3', 'v1'],
  cloudscheduler: ['v1'],
  cloudtasks: ['v2'],
  compute: ['v1', 'beta'],
  container: ['v1'],
  dns: ['v1'],
  firestore: ['v1'],
  iam: ['v1', 'v2'],
  iamcredentials: ['v1'],
  logging: ['v2'],
  monitoring: ['v3', 'v1'],
  pubsub: ['v1'],
  redis: ['v1'],
  run: ['v2', 'v1'],
  secretmanager: ['v1'],
  servicenetworking: ['v1'],
  serviceusage: ['v1'],
  spanner: ['v1'],
  sqladmin: ['v1', 'v1beta4'],
  storage: ['v1'],
};

/** REST services of AWS whose calls are told apart by path; folders of botocore. */
const AWS_REST = (
  'accessanalyzer account amplify apigateway apigatewayv2 appconfig appconfigdata appsync backup batch bedrock bedrock-agent ' +
  'bedrock-agent-runtime bedrock-runtime cloudfront codeartifact dlm dsql ebs efs eks eks-auth ' +
  'es grafana guardduty inspector2 kafka kafkaconnect lambda mq mwaa oam opensearch osis ' +
  'pipes polly ram rds-data resource-groups rolesanywhere route53 s3 s3control s3tables s3vectors ' +
  'sagemaker-runtime scheduler schemas securityhub sesv2 signer sso sso-oidc xray'
).split(' ');

function write(name, { source, consts }) {
  const text = Object.entries(consts)
    .map(([constant, { doc, rows }]) => `/** ${doc} */\nexport const ${constant} = \`\n${rows.join('\n')}\n\`;\n`)
    .join('\n');
  const head = `// Made by scripts/provider-tables.mjs from ${source}: do not edit by hand.\n\n`;
  writeFileSync(join(OUT, `${name}.ts`), `${head}${text}`);
  console.log(`${name}.ts: ${text.length} characters`);
}

/** `METHOD template` → name, as one row a template. */
function grouped(named) {
  const byTemplate = new Map();
  for (const [key, name] of named) {
    const [method, template] = key.split(' ');
    byTemplate.set(template, [...(byTemplate.get(template) ?? []), `${method}=${name}`]);
  }
  return [...byTemplate].map(([template, names]) => [template, ...names.toSorted()].join(' ')).toSorted();
}

function google() {
  const rows = [];
  for (const [service, versions] of Object.entries(GOOGLE)) {
    const seen = new Map();
    let prefix = service;
    for (const version of versions) {
      const document = readJson(join(folder, `${service}.${version}.json`));
      collectGoogle(document, (method) => {
        // The version stands in the path of newer services, in the service path of older ones; either way it is the first segment here.
        const path = `${document.servicePath}${method.flatPath ?? method.path}`.replace(/^\/|\/$/g, '');
        const parts = path
          .replace(/\{\+[^}]*\}$/, '**')
          .replace(/\{[^}]*\}/g, '*')
          .split('/');
        const at = parts.findIndex((part) => /^(v\d|beta|alpha)/.test(part));
        const template = parts.slice(at + 1).join('/');
        const id = method.id.slice(method.id.indexOf('.') + 1);
        prefix = method.id.slice(0, method.id.indexOf('.'));
        const key = `${method.httpMethod} ${template}`;
        if (!seen.has(key)) {
          seen.set(key, id);
        } else if (seen.get(key) !== id) {
          console.log(`${service} ${version}: ${key} is ${seen.get(key)} and ${id}`);
        }
      });
    }
    if (seen.size > 0) {
      rows.push(`# ${service} ${prefix}`, ...grouped(seen));
    }
  }
  write('gcp', {
    source: `the discovery documents in google-api-python-client ${versionIn(join(folder, '..', '..', 'version.py'))}`,
    consts: { GCP_METHODS: { doc: 'By service, `# host prefix-of-ids`: paths behind the version.', rows } },
  });
}

function collectGoogle(node, add) {
  for (const method of Object.values(node.methods ?? {})) {
    add(method);
  }
  for (const child of Object.values(node.resources ?? {})) {
    collectGoogle(child, add);
  }
}

function latestModel(service) {
  const versions = readdirSync(join(folder, 'data', service)).toSorted();
  const base = join(folder, 'data', service, versions.at(-1), 'service-2.json');
  return readJson(existsSync(`${base}.gz`) ? `${base}.gz` : base);
}

function aws() {
  const rest = new Map();
  const services = new Map();
  for (const service of readdirSync(join(folder, 'data'), { withFileTypes: true })) {
    if (!service.isDirectory() || !readdirSync(join(folder, 'data', service.name)).some((one) => /^\d{4}-/.test(one))) {
      continue;
    }
    const files = readdirSync(join(folder, 'data', service.name)).toSorted();
    if (!readdirSync(join(folder, 'data', service.name, files.at(-1))).some((one) => one.startsWith('service-2'))) {
      continue;
    }
    const { metadata, operations } = latestModel(service.name);
    const signing = metadata.signingName ?? metadata.endpointPrefix;
    const known = services.get(metadata.endpointPrefix) ?? { signing: new Set(), protocols: new Set() };
    known.signing.add(signing);
    for (const protocol of [metadata.protocol, ...(metadata.protocols ?? [])]) {
      known.protocols.add(
        protocol.startsWith('rest')
          ? 'rest'
          : protocol === 'ec2'
            ? 'query'
            : protocol.includes('cbor')
              ? 'cbor'
              : protocol,
      );
    }
    services.set(metadata.endpointPrefix, known);
    if (AWS_REST.includes(service.name)) {
      const rows = rest.get(metadata.endpointPrefix) ?? new Map();
      for (const [name, { http }] of Object.entries(operations)) {
        const [path, query = ''] = http.requestUri.split('?');
        const template = path
          .replace(/\{[^}]*\+\}/g, '**')
          .replace(/\{[^}]*\}/g, '*')
          .replace(/^\//, '')
          .replace(/\/$/, '');
        const key = `${http.method} /${template}${query === '' ? '' : `?${query}`}`;
        rows.set(key, [...(rows.get(key) ?? []), name]);
      }
      rest.set(metadata.endpointPrefix, rows);
    }
  }
  const serviceRows = [...services]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([prefix, { signing, protocols }]) =>
        `${prefix} ${[...signing].join(',')} ${[...protocols].toSorted((a, b) => (a < b ? -1 : 1)).join(',')}`,
    );
  const restRows = [...rest]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([prefix, rows]) => [
      `# ${prefix}`,
      ...grouped(new Map([...rows].map(([key, names]) => [key, names.join(',')]))),
    ]);
  write('aws', {
    source: `the service models in botocore ${versionIn(join(folder, '__init__.py'))}`,
    consts: {
      AWS_SERVICES: {
        doc: 'First label of the host, names that signatures give the service, kinds of protocol.',
        rows: serviceRows,
      },
      AWS_REST: { doc: 'By first label of the host: paths, some with a query.', rows: restRows },
    },
  });
}

function github() {
  const { version } = readJson(join(folder, 'package.json'));
  const rows = new Map();
  const document = readJson(join(folder, 'generated', 'api.github.com.json'));
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (['get', 'post', 'put', 'patch', 'delete'].includes(method)) {
        const many = (operation.parameters ?? []).some((one) => one['x-multi-segment'] === true);
        const template = path
          .replace(/\{(?:path|ref)\}$/, '**')
          .replace(/\{[^}]*\}/g, '*')
          .replace(/^\//, '');
        const rest = many ? template.replace(/\*+$/, '**') : template;
        rows.set(`${method.toUpperCase()} /${rest}`, operation.operationId);
      }
    }
  }
  write('github', {
    source: `@octokit/openapi ${version}`,
    consts: { GITHUB_OPERATIONS: { doc: 'Operations of the REST API.', rows: grouped(rows) } },
  });
}

const makers = { google, aws, github };
if (provider === undefined || folder === undefined || makers[provider] === undefined) {
  console.error('usage: node scripts/provider-tables.mjs google|aws|github FOLDER');
  process.exit(2);
}
makers[provider]();
