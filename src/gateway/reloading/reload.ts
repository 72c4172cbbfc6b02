// Reloading: the whole is loaded and checked, new listeners are bound, the change is recorded; then everything swaps at once. What comes
// before the swap may fail and leaves no trace; nothing after it can fail.
import type { Config } from '../../config/config.ts';
import { formatDiagnostic } from '../../config/diagnostic.ts';
import type { Diagnostic } from '../../config/diagnostic.ts';
import type { LoadResult } from '../../config/load.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Listeners } from '../arriving/listeners.ts';
import { createLive } from '../live.ts';
import type { Live } from '../live.ts';
import type { Logger } from '../logger.ts';
import { createEvent } from '../../audit/event.ts';
import { findRestartNeeded, keepTunnel } from './restart-needed.ts';
import { createRoutes } from '../arriving/routing.ts';
import type { Services } from '../services.ts';

export interface ReloadResult {
  readonly ok: boolean;
  /** Revision in force after it. */
  readonly revision: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Why it was refused where no diagnostic says it; "" otherwise. */
  readonly message: string;
}

export interface ReloadParts {
  readonly clock: Clock;
  readonly configPath: string;
  readonly load: () => Promise<LoadResult>;
  readonly live: () => Live;
  /** What the daemon was started with: some attributes stay so until a restart. */
  readonly started: Config;
  readonly services: Pick<
    Services,
    'audit' | 'connections' | 'gate' | 'grants' | 'metrics' | 'recorder' | 'sources' | 'tunnel'
  >;
  readonly listeners: Listeners;
  readonly logger: Logger;
  /** Why nothing can be reloaded now, or null. */
  readonly refusal: () => string | null;
  /** Puts the policy and its routes in force, in one step. Must not throw. */
  readonly swap: (live: Live, routes: ReturnType<typeof createRoutes>) => void;
}

export interface Reloader {
  /** Never rejects; one at a time. `trigger` is for the record: `SIGHUP`, `files`, an operator. */
  reload(trigger: string): Promise<ReloadResult>;
  /** Why the last one was refused, when nothing has been loaded since. */
  readonly refused: string | null;
  /** What changed and is not in force. */
  readonly restartNeeded: readonly string[];
}

export function createReloader(parts: ReloadParts): Reloader {
  return new OneAtATime(parts);
}

class OneAtATime implements Reloader {
  refused: string | null = null;
  restartNeeded: readonly string[] = [];
  readonly #parts: ReloadParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  reload(trigger: string): Promise<ReloadResult> {
    const next = this.#last.then(() => this.#reload(trigger));
    this.#last = next;
    return next;
  }

  async #reload(trigger: string): Promise<ReloadResult> {
    const { refusal, load } = this.#parts;
    const why = refusal();
    if (why !== null) {
      return this.#result(false, [], why);
    }
    try {
      const { config, policy, diagnostics, unreadable } = await load();
      // Loading takes many turns: the daemon may have begun to stop meanwhile.
      const late = refusal();
      if (late !== null) {
        return this.#result(false, [], late);
      }
      if (config === null || policy === null) {
        return this.#refuse(trigger, diagnostics, unreadable ?? '');
      }
      if (trigger === 'files' && config.revision === this.#parts.live().config.revision) {
        return this.#result(true, diagnostics, '');
      }
      const restart = findRestartNeeded(this.#parts.started, config, this.#parts.configPath);
      const live = createLive(keepTunnel(this.#parts.started, config), policy);
      return await this.#swap(trigger, live, { diagnostics, restart });
    } catch (error) {
      return this.#refuse(trigger, [], messageOf(error));
    }
  }

  async #swap(
    trigger: string,
    live: Live,
    { diagnostics, restart }: Readonly<Record<'diagnostics' | 'restart', readonly Diagnostic[]>>,
  ): Promise<ReloadResult> {
    const { clock, services, listeners, logger, swap } = this.#parts;
    const { config } = live;
    const routes = createRoutes(live);
    const plan = await listeners.plan([...routes.values()].map(({ spec }) => spec));
    try {
      await services.audit.appendDurable(
        createEvent('config.loaded', clock.now(), {
          by: trigger,
          data: { revision: config.revision, before: this.#parts.live().config.revision, files: config.files },
        }),
      );
    } catch (error) {
      plan.undo();
      throw error;
    }
    swap(live, routes);
    plan.commit();
    services.sources.forget();
    services.grants.policyChanged();
    services.gate.policyChanged();
    await services.tunnel?.policyChanged();
    services.connections.drain('its endpoint, profile or credential is no longer configured as it was', 'unrouted');
    this.refused = null;
    this.restartNeeded = restart.map(({ message }) => message);
    services.metrics.reloaded('swapped');
    const all = [...diagnostics, ...restart];
    logger.info({ revision: config.revision, trigger, warnings: all.map(formatDiagnostic) }, 'reloaded');
    return this.#result(true, all, '');
  }

  #refuse(trigger: string, diagnostics: readonly Diagnostic[], message: string): ReloadResult {
    const { clock, services, logger, live } = this.#parts;
    const errors = diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic);
    const why = message === '' ? (errors[0] ?? 'it did not load') : message;
    this.refused = why;
    services.metrics.reloaded('refused');
    logger.error({ trigger, message, errors }, 'reload refused; the policy in force stays');
    services.recorder.record(
      createEvent('config.refused', clock.now(), {
        by: trigger,
        reason: why,
        data: { revision: live().config.revision, errors: errors.slice(0, 20) },
      }),
    );
    return this.#result(false, diagnostics, message);
  }

  #result(ok: boolean, diagnostics: readonly Diagnostic[], message: string): ReloadResult {
    return { ok, revision: this.#parts.live().config.revision, diagnostics, message };
  }
}
