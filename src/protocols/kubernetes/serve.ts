// A client connection of a `kubernetes` endpoint: the engine of protocols/http/ with this type's flavour, and a gate that knows the
// second attempts of kubectl.
import { serveHttp } from '../http/serve.ts';
import type { HttpParts } from '../http/serve.ts';
import type { Connection, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';
import { createDenials, createRetryGate } from './retry.ts';

export function serveKubernetes(
  connection: Connection,
  context: ServeContext,
  parts: HttpParts,
): Promise<FinishReason> {
  const gate = createRetryGate({
    gate: context.gate,
    clock: context.clock,
    denials: context.shared('kubernetes.denials', createDenials),
    repeated: (detail) => context.refused('denied-again', detail),
  });
  return serveHttp(connection, { ...context, gate }, parts);
}
