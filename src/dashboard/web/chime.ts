// The sound of a new request: two soft tones, made here. The reader may switch it off; browsers stay silent until a page was clicked.
import { effect, signal } from '@preact/signals';

const KEY = 'clawpatrol-sound';

export const soundOn = signal(localStorage.getItem(KEY) !== 'off');

effect(() => localStorage.setItem(KEY, soundOn.value ? 'on' : 'off'));

let context: AudioContext | null = null;
let lastMs = 0;
/** A flood of requests is one sound. */
const QUIET_MS = 2_000;

export function chime(): void {
  if (!soundOn.value || Date.now() - lastMs < QUIET_MS) {
    return;
  }
  lastMs = Date.now();
  try {
    context ??= new AudioContext();
    tone(context, 660, 0);
    tone(context, 880, 0.14);
  } catch {
    // No sound here; the title counts.
  }
}

function tone(audio: AudioContext, frequency: number, afterSeconds: number): void {
  const at = audio.currentTime + afterSeconds;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.4);
}
