// A gRPC service without protocol buffers: its messages are JSON, which is all that its client and its server need to agree on.
const serialize = (value) => Buffer.from(JSON.stringify(value));
const deserialize = (bytes) => JSON.parse(bytes.toString());

const method = (name, requestStream, responseStream) => ({
  path: `/demo.Demo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});

export const DEMO = {
  Echo: method('Echo', false, false),
  Fail: method('Fail', false, false),
  Wipe: method('Wipe', false, false),
  Count: method('Count', false, true),
  Chat: method('Chat', true, true),
  WipeAll: method('WipeAll', true, true),
};
