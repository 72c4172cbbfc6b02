// What the environment of a machine's programs gets in place of credentials: for the types that have a customary variable, a placeholder that looks
// like one, so that a tool is content and sends it; the gateway puts the real one in. Nothing here knows a secret. Pure.
import type { Config, CredentialConfig, ProfileConfig } from '../config/config.ts';

interface Pushed {
  readonly variables: readonly string[];
  /** What is sent when the configuration names no placeholder: of the shape that tools check. */
  readonly sample: string;
}

/** By type of credential. Values that several variables share are the same. */
const BY_TYPE: Readonly<Record<string, Pushed>> = {
  anthropic_manual_key: { variables: ['ANTHROPIC_API_KEY'], sample: 'sk-ant-api03-clawpatrol-placeholder' },
  anthropic_oauth_subscription: { variables: ['ANTHROPIC_AUTH_TOKEN'], sample: 'sk-ant-oat01-clawpatrol-placeholder' },
  github_oauth: { variables: ['GH_TOKEN', 'GITHUB_TOKEN'], sample: 'ghp_clawpatrolPlaceholder000000000000000' },
  gemini_api_key: {
    variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    sample: 'AIzaclawpatrolPlaceholder00000000000000',
  },
  openai_codex_oauth: { variables: ['CODEX_ACCESS_TOKEN'], sample: 'clawpatrol-placeholder' },
  discord_bot_token: {
    variables: ['DISCORD_BOT_TOKEN', 'DISCORD_TOKEN'],
    sample: 'Y2xhd3BhdHJvbA.placehold.clawpatrolplaceholder000000',
  },
  notion_oauth: { variables: ['NOTION_TOKEN'], sample: 'ntn_clawpatrolplaceholder' },
  slack_tokens: { variables: ['SLACK_BOT_TOKEN'], sample: 'xoxb-000000000000-clawpatrolplaceholder' },
};

const AWS_SAMPLE = {
  AWS_ACCESS_KEY_ID: 'AKIACLAWPATROL000000',
  AWS_SECRET_ACCESS_KEY: 'clawpatrolplaceholder0000000000000000000',
} as const;
const AWS_HOST = /\.([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:[a-z0-9-]+\.)*amazonaws\.com$/;

/**
 * Variables with their values for a profile. Of several credentials that would set the same variable the first of the profile counts; a login of
 * Postgres is named only where there is one.
 */
export function placeholdersOf(config: Config, profile: ProfileConfig): Readonly<Record<string, string>> {
  const wielded = profile.credentials.flatMap(({ credential: ref, constraints }) => {
    const credential = config.credentials.find((candidate) => candidate.ref === ref);
    return credential === undefined ? [] : [{ credential, constraints }];
  });
  const found: Record<string, string> = {};
  for (const { credential, constraints } of wielded.toReversed()) {
    const pushed = Object.hasOwn(BY_TYPE, credential.type) ? BY_TYPE[credential.type] : undefined;
    const value = constraints['placeholder'] ?? credential.placeholder ?? pushed?.sample ?? '';
    pushed?.variables.forEach((name) => (found[name] = value));
    if (credential.type === 'aws_credential') {
      Object.assign(found, AWS_SAMPLE, regionOf(config, credential));
    }
  }
  const logins = wielded.filter(({ credential }) => credential.type === 'postgres_credential');
  const [login] = logins;
  return { ...found, ...(login === undefined || logins.length > 1 ? {} : loginOf(login)) };
}

/** The password is never used: whoever asks for one is content. */
function loginOf({
  credential,
  constraints,
}: {
  readonly credential: CredentialConfig;
  readonly constraints: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const text = (name: string): string | null => {
    const value = constraints[name] ?? credential.attributes[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const [user, database] = [text('user'), text('database')];
  return {
    PGPASSWORD: 'clawpatrol-placeholder',
    ...(user === null ? {} : { PGUSER: user }),
    ...(database === null ? {} : { PGDATABASE: database }),
  };
}

/** Tools of AWS do nothing without a region: the endpoint's, where it says one or its host does. */
function regionOf(config: Config, { endpoints }: CredentialConfig): Readonly<Record<string, string>> {
  for (const { ref, attributes, hosts } of config.endpoints) {
    if (endpoints.includes(ref)) {
      const written = attributes['region'];
      const named = hosts.map(({ host }) => AWS_HOST.exec(host)?.[1]).find((region) => region !== undefined);
      const region = typeof written === 'string' && written !== '' ? written : named;
      if (region !== undefined) {
        return { AWS_DEFAULT_REGION: region };
      }
    }
  }
  return {};
}
