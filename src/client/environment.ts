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

/** Variables that a gateway may set: names that tools read a credential, or the name of a login, from. Nothing else that it sends is taken. */
export const PUSHED_VARIABLES: readonly string[] = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'CODEX_ACCESS_TOKEN',
  'DISCORD_BOT_TOKEN',
  'DISCORD_TOKEN',
  'GEMINI_API_KEY',
  'GH_TOKEN',
  'GITHUB_TOKEN',
  'GOOGLE_API_KEY',
  'NOTION_TOKEN',
  'PGDATABASE',
  'PGPASSWORD',
  'PGUSER',
  'SLACK_BOT_TOKEN',
];

/** Those that are no secret in themselves: what was there before is replaced without a word. */
const PLAIN: readonly string[] = ['AWS_DEFAULT_REGION', 'PGDATABASE', 'PGUSER'];
/** Shorter is no key, and what calls itself a placeholder is none: replaced without a word too. */
const MIN_SECRET_CHARS = 6;
const NO_SECRET = /placeholder|clawpatrol|dummy|example|changeme|^(.)\1*$/i;
/** A placeholder is short printable text without spaces. */
const VALUE = /^[\x21-\x7e]{1,256}$/;

export interface Pushed {
  readonly environment: Environment;
  /** Names under which the shell held something else that looks like a secret. Whatever it held is replaced. */
  readonly replaced: readonly string[];
}

/** What of a gateway's answer is taken: allowed names with values that are nothing but text. `own` is the environment that it goes into. */
export function pushedEnvironment(answer: unknown, own: Readonly<Record<string, string | undefined>>): Pushed {
  const entries = typeof answer === 'object' && answer !== null ? Object.entries(answer) : [];
  const taken = entries.filter(
    (entry): entry is [string, string] =>
      PUSHED_VARIABLES.includes(entry[0]) && typeof entry[1] === 'string' && VALUE.test(entry[1]),
  );
  return {
    environment: Object.fromEntries(taken),
    replaced: taken
      .filter(([name, value]) => !PLAIN.includes(name) && own[name] !== value && looksReal(own[name] ?? ''))
      .map(([name]) => name),
  };
}

function looksReal(text: string): boolean {
  return text.length >= MIN_SECRET_CHARS && !NO_SECRET.test(text);
}

/** A secret that was in the shell. Its value is never shown. */
export function describeReplaced(name: string): string {
  return `${name} held something that looks like a real secret: it is replaced by a placeholder, and the gateway puts the credential in`;
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
