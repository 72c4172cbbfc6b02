// The request that is looked at, and the way to the next one.
import { signal } from '@preact/signals';
import type { ApprovalJson } from '../../client/approval-shapes.ts';
import { CallError, get, messageOf } from './api.ts';
import { goTo, linkTo, place } from './route.ts';
import { queue } from './state.ts';

/** The request that is looked at, whole, as it was when it was shown; it stays when others decide about it. */
export const shown = signal<ApprovalJson | null>(null);
/** Why there is nothing to look at. */
export const fault = signal('');

/** Fetches a request to look at. */
export async function show(id: string): Promise<void> {
  try {
    const found = await get<ApprovalJson>(`/api/approvals/${encodeURIComponent(id)}`);
    if (place.value.id === id || found.id.startsWith(place.value.id)) {
      // An answer is for as many equal requests as the reader was told of: none is added under their hand.
      const before = shown.value?.id === found.id ? shown.value.alike : found.alike;
      shown.value = { ...found, alike: Math.min(before, found.alike) };
      fault.value = '';
    }
  } catch (error) {
    if (place.value.id === id) {
      fault.value =
        error instanceof CallError && error.code === 'not_found' ? 'There is no such request.' : messageOf(error);
    }
  }
}

/** To the next request, or the one before; from one that has left the queue, to the first. */
export function move(step: 1 | -1): void {
  const items = queue.value;
  const at = items.findIndex(({ id }) => id === place.value.id);
  const next = at === -1 ? items[0] : items[Math.min(items.length - 1, Math.max(0, at + step))];
  if (next !== undefined) {
    goTo('approvals', next.id);
    document.querySelector(`a[href="${linkTo('approvals', next.id)}"]`)?.scrollIntoView({ block: 'nearest' });
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
