// File markers `<<file:PATH>>` in strings (config reference, 4.3): finding them and putting the files' text in their place.
// Reading the files is the loader's business.
import type { Finding } from './report.ts';
import type { Span } from './diagnostic.ts';

const OPEN = '<<file:';
const CLOSE = '>>';

/** Attributes that may hold file markers, whatever the block. */
export const MARKER_ATTRIBUTES: ReadonlySet<string> = new Set([
  'ca_cert',
  'policy',
  'template',
  'message',
  'agent_keys',
  'host_key',
]);

export interface Marker {
  readonly path: string;
  /** Offsets in the string. */
  readonly start: number;
  readonly end: number;
}

/** The markers of a string in order; `unclosed` is the offset of one without `>>`, or null. */
export function findMarkers(text: string): { readonly markers: readonly Marker[]; readonly unclosed: number | null } {
  const markers: Marker[] = [];
  for (let at = text.indexOf(OPEN); at !== -1;) {
    const close = text.indexOf(CLOSE, at);
    const path = text.slice(at + OPEN.length, close === -1 ? undefined : close);
    if (close === -1 || path.includes('\n')) {
      return { markers, unclosed: at };
    }
    markers.push({ path, start: at, end: close + CLOSE.length });
    at = text.indexOf(OPEN, close + CLOSE.length);
  }
  return { markers, unclosed: null };
}

export type MarkerText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'problem'; readonly finding: Finding };

/** What was read for the markers of a load, by the file that holds the marker and the path as written. */
export interface MarkerTexts {
  /** null: files are not read in this load, and markers stay as they are. */
  find(holder: Span, path: string): MarkerText | null;
}
