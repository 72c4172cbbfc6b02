// Requests that come again: the same head at the same entrance is read, analysed and judged once. Kept per configuration, bounded by
// number and bytes; bodies that are judged are never kept. Pure.
import type { EndpointConfig } from '../../config/config.ts';
import { Lru } from '../../lib/lru.ts';
import type { Evidence } from '../../rules/action.ts';
import type { DispatchedCredential } from '../protocol.ts';
import type { HttpAnalysis } from './flavour.ts';
import type { ReadRequest } from './h1-request.ts';
import type { Injection } from './inject.ts';

/** Longer heads are seldom sent twice. */
const MAX_HEAD_CHARS = 8 * 1024;
const MAX_HEADS = 2_000;
const MAX_CHARS = 4 * 1024 * 1024;

/** What was made of a request whose body is not judged. The object's identity is what verdicts are remembered by. */
export interface Judged {
  readonly credential: string | null;
  readonly analysis: HttpAnalysis;
  readonly evidence: Evidence;
}

/** A request with its credential in it. */
export interface Injected {
  readonly endpoint: EndpointConfig;
  readonly injection: Injection;
}

/** A request that was read, and what is known of it by now. */
export class KnownRequest {
  readonly reading: ReadRequest;
  /** By credential: whether the body must be held to judge it. */
  readonly needsBody = new Map<string | null, boolean>();
  judged: Judged | null = null;
  /** How it went out last with a credential, where the same credential at the same endpoint makes the same of it. */
  readonly injected = new WeakMap<DispatchedCredential, Injected>();

  constructor(reading: ReadRequest) {
    this.reading = reading;
  }
}

/** Heads of one entrance. */
export class RequestMemory {
  readonly #known = new Lru<string, KnownRequest>(MAX_HEADS, MAX_CHARS);
  #config: EndpointConfig | null = null;

  /** What is known of that head under this configuration, or null. */
  find(config: EndpointConfig, head: string): KnownRequest | null {
    if (config !== this.#config) {
      this.#config = config;
      this.#known.clear();
    }
    return this.#known.find(head);
  }

  put(head: string, known: KnownRequest): void {
    if (head.length <= MAX_HEAD_CHARS) {
      this.#known.put(head, known, head.length);
    }
  }
}
