// Where in the page the reader is, kept behind `#` in the address: the server never sees it.
import { signal } from '@preact/signals';

export type Section = 'approvals' | 'activity' | 'agents' | 'incidents' | 'policy' | 'reviewers' | 'account' | 'setup';

export interface Place {
  readonly section: Section;
  /** What of the section; "" for all of it. */
  readonly id: string;
}

const SECTIONS: readonly Section[] = [
  'approvals',
  'activity',
  'agents',
  'incidents',
  'policy',
  'reviewers',
  'account',
  'setup',
];

function read(): Place {
  const [name = '', id = ''] = location.hash.replace(/^#\/?/, '').split('/').map(decode);
  return { section: SECTIONS.find((one) => one === name) ?? 'approvals', id };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export const place = signal<Place>(read());

addEventListener('hashchange', () => {
  place.value = read();
});

export function linkTo(section: Section, id: string = ''): string {
  return `#/${section}${id === '' ? '' : `/${encodeURIComponent(id)}`}`;
}

/** Goes there; `replace` leaves no step to go back to. */
export function goTo(section: Section, id: string = '', replace: boolean = false): void {
  if (replace) {
    history.replaceState(null, '', linkTo(section, id));
    place.value = read();
  } else {
    location.hash = linkTo(section, id);
  }
}
