// clawpatrol audit verify: whether the log is what was written. Through the gateway, or from files without one.
import { verifyStore } from '../audit/verify.ts';
import type { VerifyReport } from '../audit/verify.ts';
import type { VerifyJson } from '../client/control-shapes.ts';
import { GatewayError } from '../lib/errors.ts';
import { visible } from '../lib/text.ts';
import { CliError, EXIT, intOption, textOption } from './command.ts';
import type { Call } from './command.ts';
import { connect } from './control.ts';

/** Flags that say how files are checked; a gateway checks with its own key and checkpoints. */
const FILE_FLAGS = ['publicKey', 'checkpoints'] as const;

/** Verifies through the gateway, or a store, a bundle or an archive on disk without one. */
export async function verify(call: Call): Promise<number> {
  const from = intOption(call, 'from', 1, Number.MAX_SAFE_INTEGER);
  const to = intOption(call, 'to', 1, Number.MAX_SAFE_INTEGER);
  if (from !== null && to !== null && from > to) {
    // Nothing would be looked at, and nothing found wrong.
    throw new CliError('usage', EXIT.usage, `--from ${from} --to ${to} holds no record`);
  }
  const paths = [textOption(call, 'store'), textOption(call, 'archive')].filter((path) => path !== null);
  const [path] = paths;
  if (paths.length > 1) {
    throw new CliError('usage', EXIT.usage, '--store and --archive exclude one another');
  }
  if (path !== undefined) {
    const publicKeyFile = textOption(call, 'publicKey');
    const checkpointsFile = textOption(call, 'checkpoints');
    return report(call, await verifyFiles({ path, publicKeyFile, checkpointsFile, from, to }));
  }
  if (FILE_FLAGS.some((name) => textOption(call, name) !== null)) {
    throw new CliError('usage', EXIT.usage, '--public-key and --checkpoints go with --store or --archive');
  }
  const client = await connect(call);
  const range = { ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) };
  return report(call, await client.audit.verify(range));
}

async function verifyFiles(options: Parameters<typeof verifyStore>[0]): Promise<VerifyReport> {
  try {
    return await verifyStore(options);
  } catch (error) {
    throw error instanceof GatewayError ? new CliError('unreadable', EXIT.usage, error.message) : error;
  }
}

function report(call: Call, result: VerifyJson & { readonly notes?: readonly string[] }): number {
  if (call.out.json) {
    call.out.object(result);
  } else if (result.first_bad === null) {
    const { records, from, to, checkpoints } = result;
    call.out.line(`ok: ${records} record(s), seq ${from}..${to}, ${checkpoints} checkpoint(s)`);
  } else {
    const { seq, kind, detail } = result.first_bad;
    call.out.line(`seq ${seq}: ${kind}: ${visible(detail)}`);
  }
  result.notes?.forEach((note) => call.out.complain(`note: ${visible(note)}`));
  return result.ok ? EXIT.ok : EXIT.no;
}
