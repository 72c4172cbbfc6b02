// A thread that reads the kernel's log of refused packets: Node has no netlink sockets, so the C library's calls are used, and they wait.
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { askForPackets, readPackets } from './packet-log.ts';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const ADDRESS_BYTES = 12;
/** A read waits this long, so that the thread can be ended. */
const WAIT_MS = 250;

const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)');
const bind = library.func('int bind(int, const void *address, uint32_t length)');
const setsockopt = library.func('int setsockopt(int, int, int, const void *value, uint32_t length)');
const send = library.func('intptr_t send(int, const void *bytes, size_t length, int flags)');
const recv = library.func('intptr_t recv(int, _Out_ void *bytes, size_t length, int flags)');

function open(group: number): number {
  const descriptor = Number(socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER));
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_NETLINK, 0);
  const limit = Buffer.alloc(16);
  limit.writeBigInt64LE(BigInt(WAIT_MS) * 1000n, 8);
  if (
    descriptor < 0 ||
    Number(bind(descriptor, address, ADDRESS_BYTES)) !== 0 ||
    Number(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, limit, limit.length)) !== 0 ||
    askForPackets(group).some((message) => Number(send(descriptor, message, message.length, 0)) !== message.length)
  ) {
    throw new Error('the log of refused packets cannot be opened (nfnetlink_log, CAP_NET_ADMIN)');
  }
  return descriptor;
}

const descriptor = open(Number(workerData));
const buffer = Buffer.alloc(64 * 1024);
let running = true;
parentPort?.on('message', () => {
  running = false;
});

/** One read, then a turn of the event loop, in which the message that ends the thread is seen. */
function readOnce(): void {
  const length = Number(recv(descriptor, buffer, buffer.length, 0));
  const packets = length > 0 ? readPackets(buffer.subarray(0, length)) : [];
  if (packets.length > 0) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of a thread, not of a window
    parentPort?.postMessage(packets);
  }
  if (running) {
    setImmediate(readOnce);
  } else {
    parentPort?.close();
  }
}

readOnce();
