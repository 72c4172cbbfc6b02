// A list that a filter left empty: whether nothing is so, or the filter names what nobody has. Told on standard error, for people; what a
// script reads and the exit code stay as they are.
import type { ControlClient } from '../client/control-client.ts';
import { ControlError } from '../client/control-client.ts';
import type { ProfileJson } from '../client/control-shapes.ts';
import { bareName, orKnown, orKnownRefs } from '../lib/text.ts';
import type { Call } from './command.ts';

/** Endpoints and profiles may have been removed since what is looked for was recorded, so this is a hint and no error. */
export async function hintAtFilter(
  call: Call,
  client: ControlClient,
  { endpoint = null, profile = null }: { readonly endpoint?: string | null; readonly profile?: string | null },
): Promise<void> {
  if (call.out.json || (endpoint === null && profile === null)) {
    return;
  }
  const profiles = await listProfiles(client);
  if (profiles === null) {
    return;
  }
  const refs = [...new Set(profiles.flatMap(({ endpoints }) => endpoints))];
  const names = profiles.map(({ name }) => name);
  if (endpoint !== null && !refs.some((ref) => ref === endpoint || bareName(ref) === endpoint)) {
    call.out.complain(`no profile reaches an endpoint "${endpoint}"${orKnownRefs(endpoint, refs)}`);
  }
  if (profile !== null && !names.includes(profile)) {
    call.out.complain(`there is no profile "${profile}"${orKnown(profile, names)}`);
  }
}

/** Null when the gateway does not tell. */
async function listProfiles(client: ControlClient): Promise<readonly ProfileJson[] | null> {
  try {
    return (await client.profiles.list()).items;
  } catch (error) {
    if (error instanceof ControlError) {
      return null;
    }
    throw error;
  }
}
