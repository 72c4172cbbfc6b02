// Transcripts: each file under transcripts/ is one exchange. They are played whole, byte by byte, and cut at random places; what
// comes out must be the same each time.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { TranscriptPlayer, parseTranscript, type Cut } from '../../support/transcript.ts';

const folder = join(process.cwd(), 'test/protocols/postgres/transcripts');
const transcripts = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .toSorted()
  .map((name) => ({ name, steps: parseTranscript(readFileSync(join(folder, name), 'utf8')) }));

async function play(name: string, cut?: Cut): Promise<void> {
  const player = new TranscriptPlayer(cut);
  for (const { line, input, expected } of transcripts.find((one) => one.name === name)?.steps ?? []) {
    assert.deepEqual(await player.play(input), expected, `${name}:${line}: ${input}`);
  }
}

for (const { name } of transcripts) {
  test(`transcript ${name}`, () => play(name));
  test(`transcript ${name}, byte by byte`, () => play(name, (bytes) => [...bytes].map((byte) => Buffer.from([byte]))));
  test(`transcript ${name}, cut anywhere`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (lengths) =>
        play(name, (bytes) => {
          const pieces: Buffer[] = [];
          for (let at = 0; at < bytes.length;) {
            const length = Number(lengths.next().value);
            pieces.push(bytes.subarray(at, at + length));
            at += length;
          }
          return pieces;
        }),
      ),
      { numRuns: 15 },
    );
  });
}
