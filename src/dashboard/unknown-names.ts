// What a call of the operator API is answered that names what nobody has: what there is, or what is near. It is told from the caller's own
// view (`scoped-parts.ts`), so a scoped operator learns no other names.
import type { Config } from '../config/config.ts';
import { orKnown, orKnownRefs } from '../lib/text.ts';
import { ApiError } from './input.ts';

interface Named {
  readonly name: string;
}

/** `kind`: with its type where only one will do, such as `ssh endpoint`. */
export function noEndpoint(
  kind: string,
  name: string,
  endpoints: readonly Pick<Config['endpoints'][number], 'ref'>[],
): ApiError {
  const refs = endpoints.map(({ ref }) => ref);
  return none(kind, name, { known: orKnownRefs(name, refs) });
}

/** `status`: 404 where the profile is what is asked for, 400 where it is one of the words of a call. */
export function noProfile(name: string, { profiles }: Pick<Config, 'profiles'>, status: 400 | 404): ApiError {
  return none('profile', name, { known: orNamed(name, profiles), status });
}

export function noOperator(name: string, operators: readonly Named[]): ApiError {
  return none('operator', name, { known: orNamed(name, operators) });
}

export function noDevice(name: string, devices: readonly Named[]): ApiError {
  return none('device', name, { known: `${orNamed(name, devices)} (a name, an id, or 8 characters of it)` });
}

function orNamed(name: string, all: readonly Named[]): string {
  return orKnown(
    name,
    all.map((one) => one.name),
  );
}

/** `known`: the end of the message, what there is instead. */
function none(
  kind: string,
  name: string,
  { known, status = 404 }: { readonly known: string; readonly status?: 400 | 404 },
): ApiError {
  const code = status === 404 ? 'not_found' : 'bad_request';
  return new ApiError(status, code, `there is no ${kind} ${JSON.stringify(name)}${known}`);
}
