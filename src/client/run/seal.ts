// What namespaces leave open is shut by a filter of system calls (seccomp(2)) that the command and all its children inherit: typing into the
// terminal that they share with the shell (TIOCSTI), sockets that belong to no network (those to the host of a virtual machine), keyrings
// (request_key has a program outside look names up), and io_uring, whose operations no filter sees.
import { readdirSync } from 'node:fs';
import koffi from 'koffi';

interface Machine {
  /** `AUDIT_ARCH_…`, which the kernel tells the filter. */
  readonly arch: number;
  /** Calls whose number has this bit are another table's (x32). */
  readonly otherTable: number | null;
  readonly ioctl: number;
  readonly socket: number;
  /** As if the kernel did not have them. */
  readonly absent: readonly number[];
}

const IO_URING: readonly number[] = [425, 426, 427];
const MACHINES: Readonly<Record<string, Machine>> = {
  x64: { arch: 0xc000_003e, otherTable: 0x4000_0000, ioctl: 16, socket: 41, absent: [248, 249, 250, ...IO_URING] },
  arm64: { arch: 0xc000_00b7, otherTable: null, ioctl: 29, socket: 198, absent: [217, 218, 219, ...IO_URING] },
};

/** Of asm-generic/ioctls.h. The kernel reads 32 bits of a request, whatever is above them. */
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c];
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: each belongs to a network namespace. */
const FAMILIES: readonly number[] = [1, 2, 10, 16, 17];

// struct seccomp_data: number of the call, architecture, instruction pointer, six arguments of 64 bits.
const [CALL, ARCH, FIRST, SECOND] = [0, 4, 16, 24];
const [LOAD, EQUAL, AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const [F_SETFD, FD_CLOEXEC] = [2, 1];

/** `isSo` and `isNot`: how many instructions are left out. */
interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly isSo: number;
  readonly isNot: number;
}

function step(code: number, value: number, isSo: number = 0, isNot: number = 0): Instruction {
  return { code, value, isSo, isNot };
}

const fail = (error: number): Instruction => step(RETURN, 0x0005_0000 | error);
const allow = step(RETURN, ALLOW);

/** A call that is judged by an argument: it ends in it. */
function judge(call: number, rest: readonly Instruction[]): readonly Instruction[] {
  return [step(EQUAL, call, 0, rest.length), ...rest];
}

/** The filter for a kind of processor, as `process.arch` names it: `struct sock_filter`s. Null where it is not known. Pure. */
export function writeFilter(kind: string): Buffer | null {
  const machine = MACHINES[kind];
  if (machine === undefined) {
    return null;
  }
  const { arch, otherTable, ioctl, socket, absent } = machine;
  const program: readonly Instruction[] = [
    step(LOAD, ARCH),
    // Programs for another processor (32 bits) have calls of other numbers.
    step(EQUAL, arch, 1, 0),
    step(RETURN, KILL),
    step(LOAD, CALL),
    ...(otherTable === null ? [] : [step(AT_LEAST, otherTable, 0, 1), fail(ENOSYS)]),
    ...absent.flatMap((call) => judge(call, [fail(ENOSYS)])),
    ...judge(ioctl, [step(LOAD, SECOND), step(EQUAL, TIOCSTI, 1, 0), step(EQUAL, TIOCLINUX, 0, 1), fail(EPERM), allow]),
    ...judge(socket, [
      step(LOAD, FIRST),
      ...FAMILIES.flatMap((family) => [step(EQUAL, family, 0, 1), allow]),
      fail(EAFNOSUPPORT),
    ]),
    allow,
  ];
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, value, isSo, isNot }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(isSo, index * 8 + 2);
    bytes.writeUInt8(isNot, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return bytes;
}

/**
 * From here on this thread, and whatever it starts, has the filter; and what it starts gets none of the descriptors that are open, which may
 * have been handed down from far above. Throws Error.
 */
export function seal(): void {
  const filter = writeFilter(process.arch);
  if (filter === null) {
    throw new Error(`runs know no filter of system calls for ${process.arch}`);
  }
  const library = koffi.load(null);
  const call = (prototype: string, ...args: readonly unknown[]): number => {
    const found: unknown = library.func(prototype);
    const result: unknown = typeof found === 'function' ? Reflect.apply(found, undefined, args) : -1;
    return typeof result === 'number' ? result : -1;
  };
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2) {
      // The one that the folder itself was read by is gone.
      call('int fcntl(int fd, int command, int value)', fd, F_SETFD, FD_CLOEXEC);
    }
  }
  koffi.struct('clawpatrol_filter', { count: 'uint16_t', filter: 'void *' });
  const program = { count: filter.length / 8, filter };
  const prototype = 'int prctl(int option, unsigned long mode, clawpatrol_filter *program)';
  if (call(prototype, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program) !== 0) {
    throw new Error(`the filter of system calls cannot be set (error ${koffi.errno()}); is it in the kernel?`);
  }
}
