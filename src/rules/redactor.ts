// Which values of requests are masked in what is stored and shown, by the name that they stand behind. Rules and digests always have
// the real values. Names are compared without case, hyphens and underscores: `apiKey` is `api_key`. Pure.
import { isSecretHeader } from './header-name.ts';

/** What becomes of the value behind a name: it stays, or it is masked where it is no object (`scalars`), or with all in it. */
export type Masking = 'keep' | 'scalars' | 'all';

export interface Redactor {
  /** A header field. */
  header(name: string): boolean;
  /** A parameter of a query, or a field of a form; `user[password]` goes by its last part too. */
  parameter(name: string): boolean;
  /** A key of JSON. */
  key(name: string): boolean;
}

/** Names whose values log somebody in, wherever they stand. */
const BUILT_IN: readonly string[] = [
  'authorization',
  'proxy_authorization',
  'cookie',
  'set_cookie',
  'x_api_key',
  'api_key',
  'access_key',
  'secret_key',
  'secret_access_key',
  'access_token',
  'refresh_token',
  'id_token',
  'auth_token',
  'session_token',
  'token',
  'password',
  'passwd',
  'passphrase',
  'secret',
  'client_secret',
  'client_assertion',
  'private_key',
  'sig',
  'signature',
  'x_amz_signature',
  'x_amz_security_token',
  'x_goog_signature',
];
/** Of parameters alone: in JSON these are what a tool is to run, or a number of an error. */
const BUILT_IN_PARAMETERS: readonly string[] = ['code', 'code_verifier'];

/** A redactor for the built-in names and these. */
export function createRedactor(names: readonly string[]): Redactor {
  const keys = new Set([...BUILT_IN, ...names].map(fold));
  const parameters = new Set([...keys, ...BUILT_IN_PARAMETERS.map(fold)]);
  return {
    header: (name) => isSecretHeader(name) || keys.has(fold(name)),
    parameter: (name) => parameters.has(fold(name)) || parameters.has(fold(lastPart(name))),
    key: (name) => keys.has(fold(name)),
  };
}

/** Masks what is built in, where no configuration says more. */
export const BUILT_IN_REDACTOR: Redactor = createRedactor([]);

function fold(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** `password` of `user[password]` and of `user.password`. */
function lastPart(name: string): string {
  const end = name.endsWith(']') ? name.length - 1 : name.length;
  return name.slice(Math.max(name.lastIndexOf('[', end), name.lastIndexOf('.', end)) + 1, end);
}

/** What hides the value behind a key: of a Secret of Kubernetes its contents too. */
export function keyMasking(
  redactor: Redactor,
  { isKubernetes, isSecret }: { readonly isKubernetes: boolean; readonly isSecret: boolean },
): (key: string) => Masking {
  return (key) => {
    if (isSecret && SECRET_CONTENTS.has(key)) {
      return 'all';
    }
    if (!redactor.key(key)) {
      return 'keep';
    }
    // `secret` names a volume there, and what it holds is what people have to see.
    return isKubernetes ? 'scalars' : 'all';
  };
}

/** Where a Secret, a step of a JSON patch of it, or the copy that kubectl keeps of it has contents. */
const SECRET_CONTENTS: ReadonlySet<string> = new Set([
  'data',
  'stringData',
  'value',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

/** What holds inside a value: of a list of its items, of an object of what its keys do not say otherwise. */
export function maskingInside(masking: Masking, isList: boolean): Masking {
  return masking === 'all' || isList ? masking : 'keep';
}
