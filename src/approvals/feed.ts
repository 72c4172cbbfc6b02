// The channel of open dashboards: they hear that something about the queue has changed, and ask for it themselves.
import type { ApprovalNews, Notifier } from './notify.ts';

export interface ApprovalFeed extends Notifier {
  /** Calls with every news, until what it returns is called. Listeners must not throw. */
  onChange(listener: (kind: ApprovalNews['kind']) => void): () => void;
}

/** A feed that nobody listens to yet. */
export function createFeed(): ApprovalFeed {
  const listeners = new Set<(kind: ApprovalNews['kind']) => void>();
  return {
    tell({ kind }) {
      listeners.forEach((listener) => listener(kind));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
