// What an AWS host name says: the service, under the name that signatures give it, and the region (AWS General Reference, "Service
// endpoints"; names of services from the published service models).

/** What a host serves. */
export interface AwsHost {
  /** Names that a signature for it may give the service; null when the name does not tell. */
  readonly services: readonly string[] | null;
  /** Null when the name does not tell. */
  readonly region: string | null;
}

const DOMAIN = /^(.+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn|on\.aws)$/;
const REGION = /^(?:af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(?:-(?:gov|iso[a-z]?|de))?-[a-z]+-\d+$/;

/** Signing names of the labels that are spelt otherwise; several where one host serves several. */
const SIGNING_NAMES: Readonly<Record<string, readonly string[]>> = {
  'api.ecr': ['ecr'],
  'api.ecr-public': ['ecr-public'],
  'api.sagemaker': ['sagemaker'],
  'runtime.sagemaker': ['sagemaker'],
  'api.pricing': ['pricing'],
  'api.iotwireless': ['iotwireless'],
  'bedrock-runtime': ['bedrock'],
  'bedrock-agent': ['bedrock'],
  'bedrock-agent-runtime': ['bedrock'],
  'data.iot': ['iotdata'],
  'data.jobs.iot': ['iot-jobs-data'],
  email: ['ses'],
  'email-smtp': ['ses'],
  entitlement: ['aws-marketplace'],
  'metering.marketplace': ['aws-marketplace'],
  'streams.dynamodb': ['dynamodb'],
  monitoring: ['monitoring'],
  'models.lex': ['lex'],
  'runtime.lex': ['lex'],
  'models-v2-lex': ['lex'],
  'runtime-v2-lex': ['lex'],
  elasticloadbalancing: ['elasticloadbalancing'],
  elasticfilesystem: ['elasticfilesystem'],
  'portal.sso': ['awsssoportal'],
  oidc: ['sso-oauth'],
  's3-control': ['s3'],
  's3-outposts': ['s3-outposts'],
  's3-object-lambda': ['s3-object-lambda'],
  's3-accesspoint': ['s3'],
  tagging: ['tagging'],
  states: ['states'],
  'sync-states': ['states'],
  'ingest.timestream': ['timestream'],
  'query.timestream': ['timestream'],
  'lambda-url': ['lambda'],
  'cognito-idp': ['cognito-idp'],
  es: ['es'],
  aoss: ['aoss'],
  'execute-api': ['execute-api'],
  'dkr.ecr': ['ecr'],
  mq: ['mq'],
  appstream2: ['appstream'],
  'rds-data': ['rds-data'],
  ce: ['ce'],
  ssm: ['ssm'],
};

/** Null: not a host of AWS. `host` is canonical. */
export function parseAwsHost(host: string): AwsHost | null {
  const labels = DOMAIN.exec(host)?.[1]?.split('.');
  if (labels === undefined) {
    return null;
  }
  // `s3-eu-west-1` is an old spelling of `s3.eu-west-1`.
  const parts = labels.flatMap((label) => {
    const old = /^(s3)-(.+)$/.exec(label);
    return old !== null && REGION.test(old[2] ?? '') ? ['s3', old[2] ?? ''] : [label];
  });
  const at = parts.findLastIndex((label) => REGION.test(label));
  const region = at === -1 ? null : (parts[at] ?? null);
  const names = parts.filter((label, index) => index !== at && label !== 'dualstack' && label !== 'vpce');
  return { services: findServices(names), region };
}

function findServices(labels: readonly string[]): readonly string[] | null {
  // The longest run of labels at the end that is known; buckets, accounts and ids of resources stand before it.
  const two = labels.slice(-2).map(withoutFips).join('.');
  const one = withoutFips(labels.at(-1) ?? '');
  if (one === '') {
    return null;
  }
  return SIGNING_NAMES[two] ?? SIGNING_NAMES[one] ?? [one];
}

function withoutFips(label: string): string {
  return label.replace(/^fips-|-fips$/g, '');
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
  if (named.services !== null && !named.services.includes(scope.service)) {
    return `it is signed for the service ${scope.service}, and ${host} is not that service's`;
  }
  const regions = named.region === null ? FIRST_REGIONS : [named.region];
  // The global host of S3 serves the buckets of all regions.
  const anywhere = named.region === null && scope.service === 's3';
  return anywhere || regions.includes(scope.region)
    ? null
    : `it is signed for the region ${scope.region}, and ${host} is not in that region`;
}
