// Which user is at the other end of a Unix socket, as the kernel says. Node has no call for it, so the C library is asked.
import { readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import koffi from 'koffi';
import { hasCode } from '../lib/errors.ts';

/** The user of the process that connected, or null when it cannot be told. */
export type FindPeerUser = (socket: Socket) => number | null;

/** Linux: SO_PEERCRED gives `struct ucred { pid_t pid; uid_t uid; gid_t gid; }`. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const UCRED_BYTES = 12;

/** The call of this system. Where there is none, nobody can be told and everybody is turned away. */
export function createPeerLookup(platform: NodeJS.Platform = process.platform): FindPeerUser {
  if (platform === 'linux') {
    return withDescriptor(linuxLookup());
  }
  if (platform === 'darwin') {
    return withDescriptor(darwinLookup());
  }
  return () => null;
}

type FindUser = (descriptor: number) => number | null;

function linuxLookup(): FindUser {
  const getsockopt = koffi
    .load(null)
    .func('int getsockopt(int, int, int, _Out_ void *value, _Inout_ uint32_t *length)');
  return (descriptor) => {
    const value = Buffer.alloc(UCRED_BYTES);
    const length = [UCRED_BYTES];
    const status: unknown = getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, value, length);
    return status === 0 && length[0] === UCRED_BYTES && sharesNamespaces(value.readInt32LE(0))
      ? value.readUInt32LE(4)
      : null;
  };
}

/**
 * Whether a process is where this one is. One in a network or user namespace of its own is a container, or runs under `clawpatrol run`: the file of
 * the socket may be in its sight, and its user ours, but it is an agent and nobody's operator (attacks CP-04).
 */
function sharesNamespaces(pid: number): boolean {
  return ['user', 'net'].every((kind) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`);
    } catch (error) {
      // The superuser's processes cannot be looked at by others; it could read everything of ours anyway.
      return hasCode(error, 'EACCES');
    }
  });
}

function darwinLookup(): FindUser {
  const getpeereid = koffi.load(null).func('int getpeereid(int, _Out_ uint32_t *uid, _Out_ uint32_t *gid)');
  return (descriptor) => {
    const user = [0];
    const status: unknown = getpeereid(descriptor, user, [0]);
    return status === 0 ? (user[0] ?? null) : null;
  };
}

/** Node keeps the descriptor of a socket behind an undocumented property; without it nobody can be told. */
function withDescriptor(findUser: FindUser): FindPeerUser {
  return (socket) => {
    const handle: unknown = Reflect.get(socket, '_handle');
    const descriptor: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : null;
    return typeof descriptor === 'number' && descriptor >= 0 ? findUser(descriptor) : null;
  };
}
