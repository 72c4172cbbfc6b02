// Keys for protocols that have none.
import type { EndpointKeys } from '../../src/protocols/protocol.ts';

export const NO_KEYS: EndpointKeys = {
  hostKey: (create) => create(),
  findUpstreamKey: () => null,
  keepUpstreamKey: () => undefined,
};
