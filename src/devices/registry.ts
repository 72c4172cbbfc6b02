// The devices that were let in: one file in the state directory, of which the daemon is the only writer. Each change is durable when it
// returns, and tells whoever carries the devices' traffic.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../audit/durable-file.ts';
import type { Clock } from '../lib/clock.ts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Device } from './device.ts';

/** What a new device brings. */
export type NewDevice = Pick<Device, 'name' | 'publicKey' | 'profile' | 'user'>;

export interface DeviceRegistry {
  /** Revoked ones too, oldest first. */
  list(): readonly Device[];
  /** By id, unique prefix of 8 or more characters of it, or name; revoked ones by id only. */
  find(idOrName: string): Device | null;
  /** The device that may use that place in the tunnel now. */
  at(number: number): Device | null;
  /**
   * Lets a device in. A key that is known keeps its device (name, place, profile), so that enrolling twice changes nothing; one that was
   * revoked stays out. Throws GatewayError CONFIG_INVALID (a name or key that cannot be), LIMIT_REACHED (no place left), STORE_FAILED.
   */
  enrol(device: NewDevice): Device;
  /** Changes a device that is not revoked. Throws as `enrol` does. */
  change(id: string, to: Partial<Pick<Device, 'name' | 'profile'>>): Device;
  /** Shuts a device out for good. Throws as `enrol` does. */
  revoke(id: string): Device;
  /** Called after every change, with the device as it is now. */
  onChange(listener: (device: Device) => void): void;
}

export interface DeviceRegistryParts {
  readonly stateDir: string;
  readonly clock: Clock;
  /** Whether a text is a public key of the tunnel. */
  readonly isKey: (text: string) => boolean;
  /** The highest place in the tunnel's networks. */
  readonly lastNumber: number;
}

/** The gateway itself has the first place. */
const FIRST_NUMBER = 2;

/** Opens the file, empty when there is none yet. Throws GatewayError STORE_FAILED when it is not what it should be. */
export function openDeviceRegistry(parts: DeviceRegistryParts): DeviceRegistry {
  return new FileRegistry(parts);
}

class FileRegistry implements DeviceRegistry {
  readonly #parts: DeviceRegistryParts;
  readonly #path: string;
  readonly #listeners: ((device: Device) => void)[] = [];
  #devices: ReadonlyMap<string, Device>;
  #byNumber: ReadonlyMap<number, Device> = new Map();

  constructor(parts: DeviceRegistryParts) {
    this.#parts = parts;
    this.#path = join(parts.stateDir, 'devices.json');
    this.#devices = new Map(readDevices(this.#path).map((device) => [device.id, device]));
    this.#index();
  }

  list(): readonly Device[] {
    return [...this.#devices.values()];
  }

  find(idOrName: string): Device | null {
    const byId = this.#devices.get(idOrName);
    if (byId !== undefined) {
      return byId;
    }
    const active = this.list().filter(({ revokedMs }) => revokedMs === null);
    const named = active.find(({ name }) => name === idOrName);
    const prefixed = idOrName.length >= 8 ? active.filter(({ id }) => id.startsWith(idOrName)) : [];
    return named ?? (prefixed.length === 1 ? (prefixed[0] ?? null) : null);
  }

  at(number: number): Device | null {
    return this.#byNumber.get(number) ?? null;
  }

  enrol({ name, publicKey, profile, user }: NewDevice): Device {
    const known = this.list().find((device) => device.publicKey === publicKey);
    if (known !== undefined) {
      if (known.revokedMs !== null) {
        refuse(`the key of ${known.name} was revoked; the machine needs a new one (leave, then join again)`);
      }
      return known;
    }
    if (!this.#parts.isKey(publicKey)) {
      refuse('the public key is none of WireGuard: 44 characters of base64');
    }
    this.#checkName(name, null);
    const highest = this.list().reduce((most, { number }) => Math.max(most, number), FIRST_NUMBER - 1);
    if (highest >= this.#parts.lastNumber) {
      throw new GatewayError('LIMIT_REACHED', 'operator', 'subnet_cidr has no address left; choose a larger network');
    }
    const nowMs = this.#parts.clock.now();
    return this.#put({
      id: uuidv7(nowMs),
      name,
      publicKey,
      number: highest + 1,
      profile,
      user,
      enrolledMs: nowMs,
      revokedMs: null,
    });
  }

  change(id: string, to: Partial<Pick<Device, 'name' | 'profile'>>): Device {
    const device = this.#getActive(id);
    this.#checkName(to.name ?? device.name, id);
    return this.#put({ ...device, ...to });
  }

  revoke(id: string): Device {
    return this.#put({ ...this.#getActive(id), revokedMs: this.#parts.clock.now() });
  }

  onChange(listener: (device: Device) => void): void {
    this.#listeners.push(listener);
  }

  #getActive(id: string): Device {
    const device = this.#devices.get(id);
    if (device === undefined || device.revokedMs !== null) {
      return refuse(`there is no device ${id}, or it was revoked`);
    }
    return device;
  }

  /** Names stand in records and on screens: printable, short, not like a listener's, and not another device's. */
  #checkName(name: string, ownId: string | null): void {
    if (!/^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,62}$/u.test(name)) {
      refuse('a device has a name of 1 to 63 letters, digits and . _ @ -, beginning with a letter or digit');
    }
    if (this.list().some((device) => device.name === name && device.revokedMs === null && device.id !== ownId)) {
      refuse(`another device is named ${name}`);
    }
  }

  #put(device: Device): Device {
    const next = new Map(this.#devices).set(device.id, device);
    try {
      const text = JSON.stringify({ version: 1, devices: [...next.values()] }, null, 1);
      replaceFile(this.#path, Buffer.from(`${text}\n`));
    } catch (error) {
      const message = `cannot write the devices to ${this.#path}: ${messageOf(error)}`;
      throw new GatewayError('STORE_FAILED', 'operator', message, { cause: error });
    }
    this.#devices = next;
    this.#index();
    this.#listeners.forEach((listener) => listener(device));
    return device;
  }

  #index(): void {
    this.#byNumber = new Map(
      this.list()
        .filter(({ revokedMs }) => revokedMs === null)
        .map((device) => [device.number, device]),
    );
  }
}

function refuse(message: string): never {
  throw new GatewayError('CONFIG_INVALID', 'operator', message);
}

function readDevices(path: string): readonly Device[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return [];
    }
    throw new GatewayError('STORE_FAILED', 'operator', `cannot read the devices in ${path}: ${messageOf(error)}`);
  }
  const devices = parseDevices(text);
  if (devices === null) {
    throw new GatewayError('STORE_FAILED', 'operator', `cannot make sense of the devices in ${path}`);
  }
  return devices;
}

function parseDevices(text: string): readonly Device[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const list = readField(value, 'devices');
  if (readField(value, 'version') !== 1 || !Array.isArray(list)) {
    return null;
  }
  const devices = list.map(toDevice).filter((device) => device !== null);
  return devices.length === list.length ? devices : null;
}

function toDevice(value: unknown): Device | null {
  const text = (name: string): string | null => {
    const field = readField(value, name);
    return typeof field === 'string' ? field : null;
  };
  const whole = (name: string): number | null => {
    const field = readField(value, name);
    return typeof field === 'number' && Number.isSafeInteger(field) ? field : null;
  };
  const [id, name, publicKey, profile, user] = ['id', 'name', 'publicKey', 'profile', 'user'].map(text);
  const [number, enrolledMs] = ['number', 'enrolledMs'].map(whole);
  const revoked = readField(value, 'revokedMs');
  const known = [id, name, publicKey, profile, user, number, enrolledMs].every(
    (field) => field !== null && field !== undefined,
  );
  return known && (revoked === null || whole('revokedMs') !== null)
    ? {
        id: id ?? '',
        name: name ?? '',
        publicKey: publicKey ?? '',
        number: number ?? 0,
        profile: profile ?? '',
        user: user ?? '',
        enrolledMs: enrolledMs ?? 0,
        revokedMs: whole('revokedMs'),
      }
    : null;
}

function readField(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
