// clawpatrol audit verify: whether the log is what was written.
import type { VerifyJson } from '../client/control-shapes.ts';
import { EXIT, intOption } from './command.ts';
import type { Call } from './command.ts';
import { connect } from './control.ts';

/** Verifies through the gateway, or a store or archive on disk without one. */
export async function verify(call: Call): Promise<number> {
  const from = intOption(call, 'from', 1, Number.MAX_SAFE_INTEGER);
  const to = intOption(call, 'to', 1, Number.MAX_SAFE_INTEGER);
  const client = await connect(call);
  const result = await client.audit.verify({ ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) });
  return report(call, result);
}

function report(call: Call, result: VerifyJson): number {
  if (call.out.json) {
    call.out.object(result);
  } else if (result.first_bad === null) {
    const { records, from, to, checkpoints } = result;
    call.out.line(`ok: ${records} record(s), seq ${from}..${to}, ${checkpoints} checkpoint(s)`);
  } else {
    const { seq, kind, detail } = result.first_bad;
    call.out.line(`seq ${seq}: ${kind}: ${detail}`);
  }
  return result.ok ? EXIT.ok : EXIT.no;
}
