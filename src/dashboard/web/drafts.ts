// Words of a denial that were typed and not sent: they outlive the form, a session that ends meanwhile, and a gateway that is started again.
import { useEffect, useRef } from 'preact/hooks';
import { session } from './api.ts';

/** By operator and request: who logs in next does not see what another one typed. The oldest goes when there are too many. */
const drafts = new Map<string, string>();
const MAX_DRAFTS = 50;
/** The draft whose form was open when the session ended. */
let interrupted = '';
let lastName = '';

function keyOf(id: string): string {
  lastName = session.value?.operator?.name ?? lastName;
  return `${lastName} ${id}`;
}

export function draftOf(id: string): string {
  return drafts.get(keyOf(id)) ?? '';
}

export function keepDraft(id: string, text: string): void {
  const key = keyOf(id);
  drafts.delete(key);
  if (text !== '') {
    drafts.set(key, text);
    const [oldest] = drafts.keys();
    if (drafts.size > MAX_DRAFTS && oldest !== undefined) {
      drafts.delete(oldest);
    }
  }
}

export function forgetDraft(id: string): void {
  drafts.delete(keyOf(id));
}

/** Whether the form is to be open again: the session ended under it. Asked once. */
export function resumesDraft(id: string): boolean {
  const key = keyOf(id);
  const resumes = interrupted === key && drafts.has(key);
  interrupted = resumes ? '' : interrupted;
  return resumes;
}

/** Remembers the form that is `open` when the session ends under it. */
export function useInterruption(id: string, open: boolean): void {
  const latest = useRef({ id, open });
  latest.current = { id, open };
  useEffect(
    () => (): void => {
      if (latest.current.open && session.value?.operator === null) {
        interrupted = keyOf(latest.current.id);
      }
    },
    [],
  );
}
