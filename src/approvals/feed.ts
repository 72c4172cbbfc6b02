// The channel of open dashboards: they hear that something about the queue has changed, and ask for it themselves.
import type { ApprovalNews, Notifier } from './notify.ts';

export interface ApprovalFeed extends Notifier {
  /** Calls with every news, until what it returns is called. Listeners must not throw. */
  onChange(listener: FeedListener): () => void;
}

/** What has changed, and of whose agent. */
export type FeedListener = (kind: ApprovalNews['kind'], profile: string) => void;

/** A feed that nobody listens to yet. */
export function createFeed(): ApprovalFeed {
  const listeners = new Set<FeedListener>();
  return {
    tell({ kind, approval }) {
      listeners.forEach((listener) => listener(kind, approval.agent.profile));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
