// A client connection of an `https` endpoint: the engine of protocols/http/ with this type's flavour.
import { serveHttp, type HttpParts } from '../http/serve.ts';
import type { Connection, ServeContext } from '../protocol.ts';
import type { FinishReason } from '../session.ts';

export function serveHttps(connection: Connection, context: ServeContext, parts: HttpParts): Promise<FinishReason> {
  return serveHttp(connection, context, parts);
}
