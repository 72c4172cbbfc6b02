// The kernel's log of refused packets (nfnetlink_log): what is asked of it, and what it tells. A packet that was refused by a rule never reaches
// a socket of ours, so this is the only way to record it. Pure; any bytes give a value.

import { formatIp } from '../../config/hosts.ts';

/** A refused packet, as far as a record needs it. */
export interface RefusedPacket {
  readonly protocol: 'udp' | 'icmp' | 'tcp' | 'other';
  /** Number of the protocol (IANA). */
  readonly protocolNumber: number;
  readonly source: string;
  readonly destination: string;
  /** Null where the protocol has none. */
  readonly port: number | null;
}

/** linux/netlink.h, linux/netfilter/nfnetlink.h, nfnetlink_log.h. */
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;
const LOG_SUBSYSTEM = 4;
const TYPE_PACKET = LOG_SUBSYSTEM << 8;
const TYPE_CONFIG = (LOG_SUBSYSTEM << 8) | 1;
const FLAG_REQUEST = 1;
const ATTRIBUTE_COMMAND = 1;
const ATTRIBUTE_MODE = 2;
const ATTRIBUTE_PAYLOAD = 9;
const COMMAND_BIND = 1;
const COPY_PACKET = 2;

/** How much of each packet is copied: both headers, with extension headers. */
export const COPIED_BYTES = 128;

/** Messages that ask for the packets of a group. Netlink numbers are in the machine's order, the group and range in the network's. */
export function askForPackets(group: number): readonly Buffer[] {
  const range = Buffer.alloc(6);
  range.writeUInt32BE(COPIED_BYTES, 0);
  range[4] = COPY_PACKET;
  return [writeConfig(group, ATTRIBUTE_COMMAND, Buffer.of(COMMAND_BIND)), writeConfig(group, ATTRIBUTE_MODE, range)];
}

function writeConfig(group: number, attribute: number, value: Buffer): Buffer {
  const padded = (value.length + 3) & ~3;
  const message = Buffer.alloc(HEADER_BYTES + GENERIC_BYTES + 4 + padded);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(TYPE_CONFIG, 4);
  message.writeUInt16LE(FLAG_REQUEST, 6);
  message.writeUInt16BE(group, HEADER_BYTES + 2);
  message.writeUInt16LE(4 + value.length, HEADER_BYTES + GENERIC_BYTES);
  message.writeUInt16LE(attribute, HEADER_BYTES + GENERIC_BYTES + 2);
  value.copy(message, HEADER_BYTES + GENERIC_BYTES + 4);
  return message;
}

/** The packets in what one read gave. */
export function readPackets(bytes: Buffer): readonly RefusedPacket[] {
  const packets: RefusedPacket[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.length) {
      return packets;
    }
    if (bytes.readUInt16LE(at + 4) === TYPE_PACKET) {
      const payload = findAttribute(bytes.subarray(at + HEADER_BYTES + GENERIC_BYTES, at + length), ATTRIBUTE_PAYLOAD);
      const packet = payload === null ? null : readPacket(payload);
      if (packet !== null) {
        packets.push(packet);
      }
    }
    at += (length + 3) & ~3;
  }
  return packets;
}

function findAttribute(bytes: Buffer, wanted: number): Buffer | null {
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) {
      return null;
    }
    if ((bytes.readUInt16LE(at + 2) & 0x3fff) === wanted) {
      return bytes.subarray(at + 4, at + length);
    }
    at += (length + 3) & ~3;
  }
  return null;
}

/** Reads an IP header (RFC 791, RFC 8200) and the port behind it. Extension headers are not followed: they are told by their number. */
function readPacket(bytes: Buffer): RefusedPacket | null {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 20) {
    const header = ((bytes[0] ?? 0) & 15) * 4;
    const fragment = bytes.readUInt16BE(6) & 0x1fff;
    return describe(bytes[9] ?? 0, {
      source: formatV4(bytes.subarray(12, 16)),
      destination: formatV4(bytes.subarray(16, 20)),
      rest: fragment === 0 ? bytes.subarray(header) : Buffer.alloc(0),
    });
  }
  if (version === 6 && bytes.length >= 40) {
    return describe(bytes[6] ?? 0, {
      source: formatV6(bytes.subarray(8, 24)),
      destination: formatV6(bytes.subarray(24, 40)),
      rest: bytes.subarray(40),
    });
  }
  return null;
}

function describe(
  protocolNumber: number,
  { source, destination, rest }: { readonly source: string; readonly destination: string; readonly rest: Buffer },
): RefusedPacket {
  const protocol =
    protocolNumber === 17 ? 'udp' : protocolNumber === 6 ? 'tcp' : (NAMES.get(protocolNumber) ?? 'other');
  const port = (protocol === 'udp' || protocol === 'tcp') && rest.length >= 4 ? rest.readUInt16BE(2) : null;
  return { protocol, protocolNumber, source, destination, port };
}

const NAMES: ReadonlyMap<number, 'icmp'> = new Map([
  [1, 'icmp'],
  [58, 'icmp'],
]);

function formatV4(bytes: Buffer): string {
  return [...bytes].join('.');
}

function formatV6(bytes: Buffer): string {
  return formatIp({ version: 6, value: BigInt(`0x${bytes.toString('hex')}`) });
}
