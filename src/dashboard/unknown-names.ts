// What a call of the operator API is answered that names what nobody has: what there is, or what is near. It is told from the caller's own
// view (`scoped-parts.ts`), so a scoped operator learns no other names.
import type { Config } from '../config/config.ts';
import { orKnown } from '../lib/text.ts';
import { ApiError } from './input.ts';

type Named = Pick<Config['endpoints'][number], 'ref' | 'name'>;

/** `kind`: with its type where only one will do, such as `ssh endpoint`. */
export function noEndpoint(kind: string, name: string, endpoints: readonly Named[]): ApiError {
  const known = orKnown(
    name,
    endpoints.map((one) => one.ref),
    endpoints.map((one) => one.name),
  );
  return new ApiError(404, 'not_found', `there is no ${kind} ${JSON.stringify(name)}${known}`);
}

/** `status`: 404 where the profile is what is asked for, 400 where it is one of the words of a call. */
export function noProfile(name: string, { profiles }: Pick<Config, 'profiles'>, status: 400 | 404): ApiError {
  const known = orKnown(
    name,
    profiles.map((one) => one.name),
  );
  const code = status === 404 ? 'not_found' : 'bad_request';
  return new ApiError(status, code, `there is no profile ${JSON.stringify(name)}${known}`);
}

export function noOperator(name: string, operators: readonly { readonly name: string }[]): ApiError {
  const known = orKnown(
    name,
    operators.map((one) => one.name),
  );
  return new ApiError(404, 'not_found', `there is no operator ${JSON.stringify(name)}${known}`);
}

export function noDevice(name: string, devices: readonly { readonly name: string }[]): ApiError {
  const known = orKnown(
    name,
    devices.map((one) => one.name),
  );
  const message = `there is no device ${JSON.stringify(name)}${known} (a name, an id, or 8 characters of it)`;
  return new ApiError(404, 'not_found', message);
}
