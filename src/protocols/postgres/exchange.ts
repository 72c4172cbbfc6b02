// What the two directions of a connection share: the replies that are owed, the names, the tracked state, the outcomes that
// wait for the end of their group, and the commands of the current turn.
import type { Clock } from '../../lib/clock.ts';
import type { ActionId, Outcome } from '../../rules/action.ts';
import type { FinishReason, SessionCommand, Side, Verdict } from '../session.ts';
import type { SqlAnalyser, SqlOptions, SqlStateChange } from '../sql/analysis.ts';
import type { Origin, SqlAction } from '../sql/action.ts';
import { FRONT, STATUS } from './codec.ts';
import { denialMessage, fatalMessage, newNonce, substitute } from './denial.ts';
import { OwedQueue, type Denied, type Execution, type Owed } from './owed.ts';
import { Statements } from './statements.ts';
import type { Tracker } from './tracker.ts';

export interface SessionParts {
  readonly origin: Origin;
  readonly analyser: SqlAnalyser;
  /** As configured now. */
  readonly options: () => SqlOptions;
  readonly tracker: Tracker;
  /** A message that changes nothing and that no client shows; null: there is none. */
  readonly signOfLife?: Buffer | null;
  readonly clock: Clock;
}

/** What a denied message was. */
export interface DeniedMessage {
  readonly type: number;
  /** Name of the statement that a Parse would have made. */
  readonly name: string;
}

const UNKNOWN: SqlStateChange = { kind: 'unknown' };
const NOTHING: readonly SessionCommand[] = [];

export class Exchange {
  readonly parts: SessionParts;
  readonly owed = new OwedQueue();
  readonly statements: Statements;
  /** Status of the server's last ReadyForQuery. */
  transaction: 'idle' | 'open' | 'failed' = 'idle';
  /** Number of the client's current group: it ends with a Sync or a Query. */
  group = 0;
  /** Executions in flight that may change what later statements mean. */
  unsettled = 0;
  /** The client's current group has failed: the server skips everything up to Sync, so it is not sent either. */
  skipping = false;
  /** The server reads copied data now; `ended`: all of it has been sent. */
  copyIn: 'none' | 'open' | 'ended' = 'none';
  /** The upstream is in the middle of a message that the client is being sent, so nothing can be put in between. */
  midMessage = false;
  /** Something in the server's current group failed. */
  failed = false;
  over = false;
  #commands: SessionCommand[] = [];
  /** What failed in the current group may have committed something first. */
  #lasting = false;
  /** Outcomes of executions in an implicit transaction that has not ended. */
  #unended: { readonly execution: Execution; readonly outcome: Outcome }[] = [];
  #sentToClient = 0;
  #countedToClient = 0;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.statements = new Statements(parts.analyser, () => ({
      state: parts.tracker.state,
      transaction: this.transaction,
    }));
  }

  /** The commands of this turn. */
  take(): readonly SessionCommand[] {
    const commands = this.#commands;
    if (commands.length === 0) {
      return NOTHING;
    }
    this.#commands = [];
    return commands;
  }

  command(command: SessionCommand): void {
    this.#commands.push(command);
  }

  send(to: Side, bytes: Buffer): void {
    this.#commands.push({ kind: 'send', to, bytes });
  }

  /** Counts what the upstream sent to the client, at message boundaries. */
  counted(bytes: number): void {
    this.#sentToClient += bytes;
  }

  endGroup(): void {
    this.group += 1;
    this.statements.group = this.group;
  }

  /** An allowed statement goes upstream. */
  start(action: SqlAction, parts: Pick<Execution, 'simple' | 'changes' | 'copyIn'>): void {
    const { tracker, clock } = this.parts;
    const matters = parts.changes.some(
      (changes) => changes.length > 0 && tracker.matters(this.statements.expand(changes)),
    );
    this.unsettled += matters ? 1 : 0;
    this.owed.push({
      kind: 'execution',
      simple: parts.simple,
      changes: parts.changes,
      copyIn: parts.copyIn,
      action,
      matters,
      group: this.group,
      startedMs: clock.monotonicMs(),
      done: 0,
      rows: null,
      rowsSeen: 0,
      tag: '',
      errorCode: '',
    });
  }

  /** Sends the substitute of a denied message. The caller has sent everything in front of it. */
  deny(message: DeniedMessage, denial: Extract<Verdict, { kind: 'deny' }>, action: ActionId): void {
    const nonce = newNonce();
    const simple = message.type === FRONT.query || message.type === FRONT.functionCall;
    const denied: Denied = {
      kind: 'denied',
      simple,
      nonce,
      error: denialMessage(denial, action),
      unnamed: message.type === FRONT.parse && message.name === '',
      answered: false,
    };
    this.send('upstream', substitute(message.type, message.name, nonce));
    this.owed.push(denied);
    if (simple) {
      this.endGroup();
    } else {
      this.skipping = true;
    }
  }

  /** One statement of an execution is done. */
  completed(execution: Execution, tag: string, rows: number | null): void {
    const { tracker } = this.parts;
    // More answers than statements: the text was not understood, so neither is what it did.
    const changes = execution.changes[execution.done] ?? (execution.simple ? ([{ kind: 'unknown' }] as const) : []);
    for (const change of this.statements.expand(changes)) {
      tracker.apply(tookEffect(change, tag) ? change : UNKNOWN, tag);
      if (change.kind === 'commit' && tag === 'ROLLBACK') {
        this.statements.apply({ kind: 'rollback' });
      } else {
        this.statements.apply(change);
      }
      if (change.kind === 'commit' || change.kind === 'rollback') {
        this.settleUnended('ok');
      }
    }
    execution.done += 1;
    execution.tag = tag;
    execution.rows = rows === null ? execution.rows : (execution.rows ?? 0) + rows;
  }

  /** A portal stopped before its end: what it calls has run, in part or whole. */
  suspended(execution: Execution): void {
    if (execution.matters) {
      this.parts.tracker.apply(UNKNOWN, '');
    }
  }

  /** The server's current group failed, at this entry. */
  failedAt(entry: Owed): void {
    this.failed = true;
    if (entry.kind === 'execution' && this.transaction === 'idle') {
      const changes = this.statements.expand(entry.changes.slice(entry.done).flat());
      this.#lasting ||= changes.some((change) => change.kind === 'unknown' && change.lasting === true);
    }
  }

  /** The last reply to an execution has been seen (or never will be). */
  finishExecution(execution: Execution, kind: Outcome['kind']): void {
    this.unsettled -= execution.matters ? 1 : 0;
    const outcome: Outcome = {
      kind,
      rows: execution.rows,
      status: execution.tag,
      errorCode: execution.errorCode,
      bytesToClient: this.#sentToClient - this.#countedToClient,
      durationMs: this.parts.clock.monotonicMs() - execution.startedMs,
    };
    this.#countedToClient = this.#sentToClient;
    if (kind === 'ok' && !execution.simple && this.transaction === 'idle') {
      this.#unended.push({ execution, outcome });
    } else {
      this.command({ kind: 'settle', action: execution.action, outcome });
    }
  }

  /** The implicit transaction of a group has ended (or its end will never be known). */
  settleUnended(kind: 'ok' | 'rolled-back' | 'unknown'): void {
    for (const { execution, outcome } of this.#unended) {
      this.command({
        kind: 'settle',
        action: execution.action,
        outcome: kind === 'ok' ? outcome : { ...outcome, kind },
      });
    }
    if (this.#unended.length > 0) {
      this.#unended = [];
    }
  }

  /** An action that was allowed and never sent. */
  notRun(action: SqlAction): void {
    const outcome: Outcome = {
      kind: 'not-run',
      rows: null,
      status: '',
      errorCode: '',
      bytesToClient: 0,
      durationMs: 0,
    };
    this.command({ kind: 'settle', action, outcome });
  }

  /** An entry whose message the server skipped. */
  skipped(entry: Owed): void {
    switch (entry.kind) {
      case 'execution':
        this.finishExecution(entry, 'not-run');
        break;
      case 'parse':
      case 'close-statement':
        this.statements.prepareds.drop(entry.change);
        break;
      case 'bind':
      case 'close-portal':
        this.statements.portals.drop(entry.change);
        break;
      case 'describe':
      case 'sync':
      case 'copy-end':
      case 'denied':
        break;
    }
  }

  /** ReadyForQuery with this status byte. */
  ready(status: number, simple: boolean): void {
    const { failed } = this;
    this.failed = false;
    this.transaction = status === STATUS.idle ? 'idle' : status === STATUS.open ? 'open' : 'failed';
    this.settleUnended(failed ? 'rolled-back' : 'ok');
    if (this.transaction === 'idle') {
      // Statements that commit on their own (VACUUM) commit what the group did before them too, whatever fails after that.
      this.parts.tracker.idle(!failed ? 'committed' : simple ? 'rolled-back' : 'unsure');
      if (this.#lasting) {
        this.parts.tracker.apply(UNKNOWN, '');
        this.parts.tracker.idle('committed');
      }
      this.#lasting = false;
      this.statements.transactionEnded(!failed);
    }
  }

  /** Ends the connection with a last word to the client where one can be said. */
  fatal(code: string, message: string, reason: FinishReason): void {
    if (this.over) {
      return;
    }
    if (this.midMessage) {
      // Cut data must not look complete.
      this.finish({ kind: 'reset', detail: reason.detail });
      return;
    }
    this.send('client', fatalMessage(code, message));
    this.finish(reason);
  }

  /** Ends the connection; what is still in flight has an unknown outcome. */
  finish(reason: FinishReason): void {
    if (this.over) {
      return;
    }
    this.over = true;
    this.settleUnended('unknown');
    for (let entry = this.owed.shift(); entry !== undefined; entry = this.owed.shift()) {
      if (entry.kind === 'execution') {
        this.finishExecution(entry, 'unknown');
      }
    }
    this.settleUnended('unknown');
    this.command({ kind: 'finish', reason });
  }
}

/** Whether the server did what the change says: a portal that is used up, WITH NO DATA and the like run nothing. */
function tookEffect(change: SqlStateChange, tag: string): boolean {
  return (
    (change.kind !== 'set' && change.kind !== 'set-role') ||
    tag === 'SET' ||
    tag === 'RESET' ||
    (tag.startsWith('SELECT ') && tag !== 'SELECT 0')
  );
}
