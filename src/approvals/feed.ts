// The channel of open dashboards: they hear that something about the queue has changed, and ask for it themselves.
import type { Notifier } from './notify.ts';

export interface ApprovalFeed extends Notifier {
  /** Calls with every news, until what it returns is called. Listeners must not throw. */
  onChange(listener: () => void): () => void;
}

/** A feed that nobody listens to yet. */
export function createFeed(): ApprovalFeed {
  const listeners = new Set<() => void>();
  return {
    tell() {
      listeners.forEach((listener) => listener());
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
