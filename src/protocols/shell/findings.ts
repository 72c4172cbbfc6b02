// What is found while a text is walked: commands, what they do, and what cannot be seen.
import { RISKS } from '../../rules/action.ts';
import type { Risk, UnknownCause } from '../../rules/action.ts';
import type { CommandRecord, OpaqueCause, Redirect, ShellReading, Transfer } from './model.ts';
import { REASONS } from './reasons.ts';

export class Findings {
  readonly commands: CommandRecord[] = [];
  readonly redirects: Redirect[] = [];
  sudo = false;
  /** Null once a program that is not known might write. */
  writesFiles: boolean | null = false;
  startsShell = false;
  readsScript = false;
  startsSftp = false;
  transfer: Transfer = { kind: 'none', direction: 'none', paths: [] };
  hidden: UnknownCause | null = null;
  /** Directories that the text changes to. */
  readonly dirs = new Set<string>();
  readonly #opaque = new Set<OpaqueCause>();
  readonly #causes = new Set<string>();
  #risk: Risk = 'safe';
  #reason = '';

  /** The tier is at least this. The reason of the highest stays. */
  raise(risk: Exclude<Risk, 'safe'>, cause: string, reason: string): void {
    this.#causes.add(cause);
    if (RISKS.indexOf(risk) > RISKS.indexOf(this.#risk)) {
      this.#risk = risk;
      this.#reason = reason;
    }
  }

  /** Something that runs, or what it does, cannot be seen. `hides` when commands may run that are not listed. */
  opaque(cause: OpaqueCause, hides: UnknownCause | null = null): void {
    this.#opaque.add(cause);
    this.hidden ??= hides;
    this.raise('destructive', 'opaque', REASONS[cause]);
  }

  writes(): void {
    this.writesFiles = true;
  }

  mayWrite(): void {
    this.writesFiles ??= null;
    if (this.writesFiles === false) {
      this.writesFiles = null;
    }
  }

  reading(simple: readonly string[] | null): ShellReading {
    return {
      commands: this.commands,
      hidden: this.hidden,
      simple,
      opaque: [...this.#opaque].toSorted(),
      unreadable: false,
      redirects: this.redirects,
      sudo: this.sudo,
      writesFiles: this.writesFiles,
      transfer: this.transfer,
      startsShell: this.startsShell,
      readsScript: this.readsScript,
      startsSftp: this.startsSftp,
      tier: { risk: this.#risk, causes: [...this.#causes].toSorted(), reason: this.#reason },
    };
  }
}
