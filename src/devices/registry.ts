// The devices that were let in: one file in the state directory, of which the daemon is the only writer. Each change is durable when it
// returns, and tells whoever carries the devices' traffic.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Device } from './device.ts';
import { hashOf } from './join-tokens.ts';
import { openStoredList } from './stored-list.ts';
import type { FieldReader, StoredList } from './stored-list.ts';

/** What a new device brings. */
export type NewDevice = Pick<Device, 'name' | 'publicKey' | 'profile' | 'user'>;

/** A node of the tailnet, as its control server describes it. */
export interface NewNode {
  readonly node: string;
  readonly name: string;
  /** Its owner's login, or "" for a tagged one. */
  readonly user: string;
}

export interface DeviceRegistry {
  /** Revoked ones too, oldest first. */
  list(): readonly Device[];
  /** By id, unique prefix of 8 or more characters of it, or name; revoked ones by id only. */
  find(idOrName: string): Device | null;
  /** The device that a node of the tailnet is, unless it was revoked. */
  ofNode(node: string): Device | null;
  /** The device that may use that place in the tunnel now. */
  at(number: number): Device | null;
  /**
   * Lets a device in. A key that is known keeps its device (name, place, profile), so that enrolling twice changes nothing; one that was
   * revoked stays out. Throws GatewayError CONFIG_INVALID (a name or key that cannot be), LIMIT_REACHED (no place left), STORE_FAILED.
   */
  enrol(device: NewDevice): Device;
  /**
   * The device that a node of the tailnet is, made without a profile when it comes for the first time; also one that was revoked. One that has
   * another owner now loses the profile that it was given. Throws as `enrol` does.
   */
  meet(node: NewNode): Device;
  /** Changes a device that is not revoked. Throws as `enrol` does. */
  change(id: string, to: Partial<Pick<Device, 'name' | 'profile'>>): Device;
  /** Gives a device a new token, the only time that its text is known; the one before is worth nothing. Throws as `enrol` does. */
  issueToken(id: string): string;
  /** The device whose token that is. */
  authenticate(token: string): Device | null;
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
  /** The highest place that a device may have: above it are runs, or nothing. */
  readonly lastNumber: () => number;
}

/** What tokens begin with, so that people and scanners recognise one that got lost. */
const TOKEN_PREFIX = 'cpdev_';
/** Nodes of the tailnet that are remembered. */
const MAX_NODES = 20_000;
/** The gateway itself has the first place. */
const FIRST_NUMBER = 2;

/** Opens the file, empty when there is none yet. Throws GatewayError STORE_FAILED when it is not what it should be. */
export function openDeviceRegistry(parts: DeviceRegistryParts): DeviceRegistry {
  return new FileRegistry(parts);
}

/** Among some devices: by id, unique prefix of 8 or more characters of it, or name; revoked ones by id only. */
export function findDevice(devices: readonly Device[], idOrName: string): Device | null {
  const byId = devices.find(({ id }) => id === idOrName);
  if (byId !== undefined) {
    return byId;
  }
  const active = devices.filter(({ revokedMs }) => revokedMs === null);
  const named = active.find(({ name }) => name === idOrName);
  const prefixed = idOrName.length >= 8 ? active.filter(({ id }) => id.startsWith(idOrName)) : [];
  return named ?? (prefixed.length === 1 ? (prefixed[0] ?? null) : null);
}

class FileRegistry implements DeviceRegistry {
  readonly #parts: DeviceRegistryParts;
  readonly #stored: StoredList<Device>;
  readonly #listeners: ((device: Device) => void)[] = [];
  #byNumber: ReadonlyMap<number, Device> = new Map();
  #byNode: ReadonlyMap<string, Device> = new Map();

  constructor(parts: DeviceRegistryParts) {
    this.#parts = parts;
    this.#stored = openStoredList(join(parts.stateDir, 'devices.json'), 'devices', readDevice);
    this.#index();
  }

  list(): readonly Device[] {
    return this.#stored.items;
  }

  find(idOrName: string): Device | null {
    return findDevice(this.list(), idOrName);
  }

  ofNode(node: string): Device | null {
    const device = this.#byNode.get(node);
    return device === undefined || device.revokedMs !== null ? null : device;
  }

  at(number: number): Device | null {
    return this.#byNumber.get(number) ?? null;
  }

  enrol({ name, publicKey, profile, user }: NewDevice): Device {
    const known = this.list().find((device) => device.node === '' && device.publicKey === publicKey);
    if (known !== undefined) {
      if (known.revokedMs !== null) {
        refuse(`the key of ${known.name} was revoked; the machine needs a new one (leave, then join again)`);
      }
      return known;
    }
    if (!this.#parts.isKey(publicKey)) {
      refuse('the public key is none of WireGuard (44 characters of base64), or a run has it');
    }
    this.#checkName(name, null);
    const highest = this.list().reduce((most, { number }) => Math.max(most, number), FIRST_NUMBER - 1);
    if (highest >= this.#parts.lastNumber()) {
      throw new GatewayError('LIMIT_REACHED', 'operator', 'subnet_cidr has no address left; choose a larger network');
    }
    const nowMs = this.#parts.clock.now();
    return this.#put({
      id: uuidv7(nowMs),
      name,
      publicKey,
      node: '',
      number: highest + 1,
      profile,
      user,
      enrolledMs: nowMs,
      tokenHash: '',
      revokedMs: null,
    });
  }

  meet({ node, name, user }: NewNode): Device {
    const known = this.#byNode.get(node);
    if (known !== undefined) {
      return known.user === user || known.revokedMs !== null ? known : this.#put({ ...known, user, profile: '' });
    }
    if (this.list().filter((device) => device.node !== '').length >= MAX_NODES) {
      throw new GatewayError(
        'LIMIT_REACHED',
        'operator',
        `${MAX_NODES} nodes of the tailnet have been here; revoke does not forget them`,
      );
    }
    const taken = this.list().some((device) => device.name === name && device.revokedMs === null);
    const free = taken ? `${name.slice(0, 40)}-${node.slice(0, 20)}` : name;
    this.#checkName(free, null);
    const nowMs = this.#parts.clock.now();
    return this.#put({
      id: uuidv7(nowMs),
      name: free,
      publicKey: '',
      node,
      number: 0,
      profile: '',
      user,
      enrolledMs: nowMs,
      tokenHash: '',
      revokedMs: null,
    });
  }

  change(id: string, to: Partial<Pick<Device, 'name' | 'profile'>>): Device {
    const device = this.#getActive(id);
    this.#checkName(to.name ?? device.name, id);
    return this.#put({ ...device, ...to });
  }

  issueToken(id: string): string {
    const text = `${TOKEN_PREFIX}${randomBytes(24).toString('base64url')}`;
    this.#put({ ...this.#getActive(id), tokenHash: hashOf(text) });
    return text;
  }

  authenticate(token: string): Device | null {
    const hash = Buffer.from(hashOf(token));
    const found = this.list().find(
      ({ tokenHash, revokedMs }) =>
        revokedMs === null && tokenHash.length === hash.length && timingSafeEqual(Buffer.from(tokenHash), hash),
    );
    return found ?? null;
  }

  revoke(id: string): Device {
    return this.#put({ ...this.#getActive(id), tokenHash: '', revokedMs: this.#parts.clock.now() });
  }

  onChange(listener: (device: Device) => void): void {
    this.#listeners.push(listener);
  }

  #getActive(id: string): Device {
    const device = this.list().find((one) => one.id === id);
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
    const next = new Map(this.list().map((one) => [one.id, one])).set(device.id, device);
    this.#stored.replace([...next.values()]);
    this.#index();
    this.#listeners.forEach((listener) => listener(device));
    return device;
  }

  #index(): void {
    this.#byNumber = new Map(
      this.list()
        .filter(({ revokedMs, number }) => revokedMs === null && number > 0)
        .map((device) => [device.number, device]),
    );
    this.#byNode = new Map(this.list().flatMap((device) => (device.node === '' ? [] : [[device.node, device]])));
  }
}

function refuse(message: string): never {
  throw new GatewayError('CONFIG_INVALID', 'operator', message);
}

function readDevice({ text, textIfThere, whole, wholeOrNull }: FieldReader): Device {
  return {
    id: text('id'),
    name: text('name'),
    publicKey: text('publicKey'),
    node: textIfThere('node'),
    number: whole('number'),
    profile: text('profile'),
    user: text('user'),
    enrolledMs: whole('enrolledMs'),
    tokenHash: text('tokenHash'),
    revokedMs: wholeOrNull('revokedMs'),
  };
}
