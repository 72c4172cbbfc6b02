// What an AWS host name says: the service, under the names that signatures give it, the region, and what stands before it (AWS General
// Reference, "Service endpoints"; names of services from the published service models).
import { AWS_SERVICES } from './providers/data/aws.ts';

/** What a host serves. */
export interface AwsHost {
  /** Labels of the service: `s3`, `api.ecr`. */
  readonly prefix: string;
  /** Names that a signature for it may give the service. */
  readonly services: readonly string[];
  /** How calls are written: `rest`, `json`, `query`, `cbor`. Empty for a service of which nothing is known. */
  readonly protocols: readonly string[];
  /** Null when the name does not tell. */
  readonly region: string | null;
  /** Labels before the service: a bucket, an account, an id. "" without. */
  readonly before: string;
}

type Known = Pick<AwsHost, 'services' | 'protocols'>;

const DOMAIN = /^(.+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn|on\.aws)$/;
/** `api.ec2.REGION.aws`, the first name of what is `ec2.REGION.api.aws` now. */
const OLD_DUAL_STACK = /^api\.([a-z0-9-]+\.[a-z0-9-]+)\.aws$/;
const REGION = /^(?:af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(?:-(?:gov|iso[a-z]?|de))?-[a-z]+-\d+$/;

/** Hosts that no service model names. */
const OTHERS: Readonly<Record<string, Known>> = {
  's3-accelerate': { services: ['s3'], protocols: ['rest'] },
  's3-accesspoint': { services: ['s3'], protocols: ['rest'] },
  's3-object-lambda': { services: ['s3-object-lambda'], protocols: ['rest'] },
  'execute-api': { services: ['execute-api'], protocols: ['rest'] },
  'lambda-url': { services: ['lambda'], protocols: ['rest'] },
  'dkr.ecr': { services: ['ecr'], protocols: ['rest'] },
  iot: { services: ['iot', 'iotdata', 'iot-jobs-data'], protocols: ['rest'] },
};

let known: ReadonlyMap<string, Known> | null = null;

/** Read when first needed: a pure function of the table. */
function findKnown(prefix: string): Known | undefined {
  known ??= new Map(
    AWS_SERVICES.trim()
      .split('\n')
      .map((row) => {
        const [name = '', services = '', protocols = ''] = row.split(' ');
        return [name, { services: services.split(','), protocols: protocols.split(',') }];
      }),
  );
  return Object.hasOwn(OTHERS, prefix) ? OTHERS[prefix] : known.get(prefix);
}

/** Null: not a host of AWS. `host` is canonical. */
export function parseAwsHost(host: string): AwsHost | null {
  const labels = DOMAIN.exec(host.replace(OLD_DUAL_STACK, '$1.api.aws'))?.[1]?.split('.');
  if (labels === undefined) {
    return null;
  }
  // `s3-eu-west-1` is an old spelling of `s3.eu-west-1`.
  const parts = labels.flatMap((label) => {
    const old = label.startsWith('s3-') ? label.slice('s3-'.length) : '';
    return REGION.test(old) ? ['s3', old] : [label];
  });
  const at = parts.findLastIndex((label) => REGION.test(label));
  const names = parts
    .filter((label, index) => index !== at && !['dualstack', 'vpce'].includes(label))
    .map((label) => label.replace(/^fips-|-fips$/g, ''));
  const region = at === -1 ? null : (parts[at] ?? null);
  // The longest run of labels at the end that is known; buckets, accounts and ids stand before it.
  for (const count of [3, 2, 1]) {
    const prefix = names.slice(-count).join('.');
    const found = names.length >= count ? findKnown(prefix) : undefined;
    if (found !== undefined) {
      return { ...found, prefix, region, before: names.slice(0, -count).join('.') };
    }
  }
  const prefix = names.at(-1) ?? '';
  return { prefix, services: [prefix], protocols: [], region, before: names.slice(0, -1).join('.') };
}

/** Services without regions, whose signatures name the first region of their partition. */
const FIRST_REGIONS: readonly string[] = ['us-east-1', 'us-gov-west-1', 'cn-north-1', 'cn-northwest-1'];

/** Why a signature for that scope cannot be meant for that host, or null. Hosts that are not AWS's own say nothing. */
export function scopeConflict(
  host: string,
  scope: { readonly service: string; readonly region: string },
): string | null {
  const named = parseAwsHost(host);
  if (named === null) {
    return null;
  }
  if (!named.services.includes(scope.service)) {
    return `it is signed for the service ${scope.service}, and ${host} is not that service's`;
  }
  const regions = named.region === null ? FIRST_REGIONS : [named.region];
  // The global host of S3 serves the buckets of all regions.
  const anywhere = named.region === null && scope.service === 's3';
  return anywhere || regions.includes(scope.region)
    ? null
    : `it is signed for the region ${scope.region}, and ${host} is not in that region`;
}
