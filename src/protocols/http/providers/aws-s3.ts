// Calls of S3, which are told apart by bucket or object, method, and one parameter of the query that names a part of them (S3 API
// Reference). Keys are data: dots and empty segments in them mean nothing.
import type { HttpRequest } from '../request.ts';
import { fieldValues } from '../request.ts';
import { queryPairs } from '../sigv4.ts';
import { AWS_REST } from './data/aws.ts';
import { readGroups } from './templates.ts';

export interface S3Call {
  /** Null: no call of S3 looks like that, or it looks like two. */
  readonly name: string | null;
  /** `bucket/key`, `bucket`, or "". */
  readonly resource: string;
}

type Level = 'service' | 'bucket' | 'object';

interface Table {
  /** By `METHOD level parameter`, parameter "" for none. */
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly parameters: ReadonlySet<string>;
}

const LEVELS: Readonly<Record<string, Level>> = { '/': 'service', '/*': 'bucket', '/*/**': 'object' };
let made: Table | null = null;

function table(): Table {
  if (made !== null) {
    return made;
  }
  const names = new Map<string, readonly string[]>();
  const parameters = new Set<string>();
  for (const row of readGroups(AWS_REST).get('s3')?.rows ?? []) {
    const [template = '', ...calls] = row.split(' ');
    const [path = '', query = ''] = template.split('?');
    const parameter = query.split('&')[0] ?? '';
    const level = LEVELS[path];
    if (level === undefined) {
      continue;
    }
    // `list-type=2` is a form of the list, no part of a bucket.
    const name = parameter.startsWith('list-type') ? '' : parameter;
    if (name !== '') {
      parameters.add(name);
    }
    for (const call of calls) {
      const [method = '', all = ''] = call.split('=');
      const key = `${method} ${level} ${name}`;
      names.set(key, [...(names.get(key) ?? []), ...all.split(',')]);
    }
  }
  made = { names, parameters };
  return made;
}

/** `bucket`: from the host, "" where the path names it. */
export function nameS3Call(request: HttpRequest, bucketOfHost: string): S3Call {
  const { bucket, key } = splitPath(request.rawPath, bucketOfHost);
  const level: Level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const resource = key === '' ? bucket : `${bucket}/${key}`;
  const query = new Map(queryPairs(request.rawQuery));
  const parts = [...query.keys()].filter(
    (name) => table().parameters.has(name) || table().parameters.has(name.toLowerCase()),
  );
  const [part = '', second] = parts;
  if (second !== undefined || !table().parameters.has(part) !== (part === '')) {
    return { name: null, resource };
  }
  const found = table().names.get(`${request.method} ${level} ${part}`) ?? [];
  return { name: chooseName(found, request, { level, part, query }), resource };
}

interface Seen {
  readonly level: Level;
  readonly part: string;
  readonly query: ReadonlyMap<string, string>;
}

function chooseName(found: readonly string[], request: HttpRequest, { level, part, query }: Seen): string | null {
  if (level === 'object' && part === '') {
    return nameObjectCall(request, query);
  }
  if (found.includes('ListObjects')) {
    return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
  }
  if (level === 'service') {
    return found.includes('ListBuckets') ? 'ListBuckets' : null;
  }
  // One configuration among several is named by its id; without one they are listed.
  const list = found.find((name) => name.startsWith('List'));
  if (list !== undefined && found.length > 1) {
    return query.has('id') ? (found.find((name) => name !== list) ?? null) : list;
  }
  // `GetBucketLifecycle` is the old name of `GetBucketLifecycleConfiguration`.
  return found.toSorted((a, b) => b.length - a.length)[0] ?? null;
}

function nameObjectCall(request: HttpRequest, query: ReadonlyMap<string, string>): string | null {
  const upload = query.has('uploadId');
  const copies = fieldValues(request.fields, 'x-amz-copy-source').length > 0;
  switch (request.method) {
    case 'GET':
      return upload ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      if (upload !== query.has('partNumber')) {
        return null;
      }
      return upload ? (copies ? 'UploadPartCopy' : 'UploadPart') : copies ? 'CopyObject' : 'PutObject';
    case 'POST':
      return upload ? 'CompleteMultipartUpload' : null;
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return null;
  }
}

function splitPath(rawPath: string, bucketOfHost: string): { readonly bucket: string; readonly key: string } {
  const path = decode(rawPath.slice(1));
  if (bucketOfHost !== '') {
    return { bucket: bucketOfHost, key: path };
  }
  const slash = path.indexOf('/');
  return slash === -1 ? { bucket: path, key: '' } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

function decode(text: string): string {
  const plain = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1').toString('utf8');
}
