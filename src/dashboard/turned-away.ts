// The record of callers that the operator API does not listen to.
import { operatorEvent, type OperatorParts } from './call.ts';

/** Of callers that are turned away one in so long is recorded, with how many there were. */
const RECORD_EVERY_MS = 10_000;

/** Records callers that are turned away, so that a flood of them does not become a flood of records. */
export function createTurnedAway(
  { clock, audit, warn }: Pick<OperatorParts, 'clock' | 'audit' | 'warn'>,
  where: string,
): (cause: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (cause) => {
    count += 1;
    if (clock.monotonicMs() - lastMs < RECORD_EVERY_MS) {
      return;
    }
    const data = { cause, count };
    const reason = `not authorised on ${where}`;
    const event = operatorEvent('connection.refused', { name: 'gateway' }, { atMs: clock.now(), data, reason });
    lastMs = clock.monotonicMs();
    count = 0;
    // Nothing hangs on this record: where the log is full, the process log has it.
    if (audit.append(event) === null) {
      warn(reason, cause);
    }
  };
}
