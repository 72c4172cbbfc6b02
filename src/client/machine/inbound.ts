// Which connections to this machine somebody else has opened: they are the ones whose end here is a port that somebody listens at. Pure.
import { isIP } from 'node:net';
import type { Inbound, Place } from './plan.ts';

/** States of a connection, as /proc/net/tcp writes them. */
const ESTABLISHED = '01';
const LISTENING = '0A';

interface Row {
  readonly local: Place;
  readonly remote: Place;
  readonly state: string;
}

/** Reads the texts of /proc/net/tcp and /proc/net/tcp6. */
export function findInbound(texts: readonly string[]): readonly Inbound[] {
  const rows = texts.flatMap((text) =>
    text
      .split('\n')
      .slice(1)
      .flatMap((line) => readRow(line)),
  );
  const ports = new Set(rows.filter(({ state }) => state === LISTENING).map(({ local }) => local.port));
  return rows
    .filter(({ state, local }) => state === ESTABLISHED && ports.has(local.port) && !isLoopback(local.ip))
    .map(({ local, remote }) => ({ local, remote }));
}

/** UDP ports at which root's programs, or the kernel, wait for anybody: a VPN that sessions come in by. Reads /proc/net/udp and udp6. */
export function findUdpServices(texts: readonly string[]): readonly number[] {
  const ports = texts.flatMap((text) =>
    text
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [row] = readRow(line);
        const uid = line.trim().split(/\s+/)[7];
        return row !== undefined && row.remote.port === 0 && uid === '0' && !isLoopback(row.local.ip)
          ? [row.local.port]
          : [];
      }),
  );
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

/** What `SSH_CONNECTION` says: `client port server port`. Null when it is not set, or none. */
export function readSshConnection(text: string | undefined): Inbound | null {
  const [client = '', clientPort = '', server = '', serverPort = ''] = (text ?? '').split(' ');
  const [from, to] = [client, server].map((ip) => ip.replace(/%.*$/, ''));
  if (from === undefined || to === undefined || isIP(from) === 0 || isIP(from) !== isIP(to)) {
    return null;
  }
  const inbound = { local: { ip: to, port: Number(serverPort) }, remote: { ip: from, port: Number(clientPort) } };
  return [inbound.local, inbound.remote].every(({ port }) => Number.isInteger(port) && port > 0 && port < 65_536)
    ? inbound
    : null;
}

/** Each once. */
export function unique(all: readonly Inbound[]): readonly Inbound[] {
  return [...new Map(all.map((one) => [JSON.stringify([one.local, one.remote]), one])).values()];
}

function readRow(line: string): readonly Row[] {
  const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/);
  const [here, there] = [readPlace(local), readPlace(remote)];
  return here === null || there === null ? [] : [{ local: here, remote: there, state }];
}

/** `0100007F:0016`: words of 32 bits in the machine's order, which is little-endian wherever we run. */
function readPlace(text: string): Place | null {
  const match = /^((?:[0-9A-F]{8})|(?:[0-9A-F]{32})):([0-9A-F]{4})$/.exec(text);
  if (match === null) {
    return null;
  }
  const [, hex = '', port = ''] = match;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].toReversed());
  return { ip: formatBytes(bytes), port: Number.parseInt(port, 16) };
}

function formatBytes(bytes: readonly number[]): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  const isMapped = bytes.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
  if (isMapped) {
    return bytes.slice(12).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '0:0:0:0:0:0:0:1';
}
