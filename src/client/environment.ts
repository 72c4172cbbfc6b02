// The variables that make programs trust the gateway's CA, whatever they are written in (config reference 7.2). Pure.

/** Variables that name a file in place of the system's list: it holds that list and ours. */
const BUNDLE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'DENO_CERT',
  'PIP_CERT',
  'AWS_CA_BUNDLE',
] as const;

export type Environment = Readonly<Record<string, string>>;

/** `bundle` holds the system's certificates and ours, `ca` ours alone: Node adds it to its own list. */
export function caEnvironment({ bundle, ca }: { readonly bundle: string; readonly ca: string }): Environment {
  return Object.fromEntries([...BUNDLE_VARIABLES.map((name) => [name, bundle]), ['NODE_EXTRA_CA_CERTS', ca]]);
}

export const ENV_FORMATS = ['sh', 'fish', 'dotenv', 'json'] as const;
export type EnvFormat = (typeof ENV_FORMATS)[number];

/** The text that a shell or program reads. Values are quoted so that nothing in them is anything but text. */
export function formatEnvironment(environment: Environment, format: EnvFormat): string {
  const entries = Object.entries(environment);
  switch (format) {
    case 'json':
      return `${JSON.stringify(environment, null, 2)}\n`;
    case 'sh':
      return entries.map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`).join('');
    case 'fish':
      return entries
        .map(([name, value]) => `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'\n`)
        .join('');
    case 'dotenv':
      return entries.map(([name, value]) => `${name}='${value}'\n`).join('');
  }
}
