// Whose API a model is called with, and which family it belongs to, by its name (config reference, 2.7).

const PROVIDERS: readonly (readonly [RegExp, string])[] = [
  [/^claude-/, 'anthropic'],
  [/^(?:gpt-|o\d|codex-)/, 'openai'],
  [/^gemini-/, 'google'],
];

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^claude(?:[-.\d]|$)/, 'anthropic'],
  [/^(?:gpt-|chatgpt-|o\d|codex-)/, 'openai'],
  [/^gem(?:ini|ma)/, 'google'],
  [/^(?:meta-)?llama/, 'meta'],
  [/^(?:mistral|mixtral|ministral|codestral|devstral|magistral|pixtral)/, 'mistral'],
  [/^(?:qwen|qwq)/, 'qwen'],
  [/^deepseek/, 'deepseek'],
];

/** Provider of a model, or null when its name does not tell. */
export function providerOf(model: string): string | null {
  return PROVIDERS.find(([pattern]) => pattern.test(model))?.[1] ?? null;
}

/** Family of a model, or null. The name behind a vendor's prefix (`qwen/qwen3`) counts. */
export function familyOf(model: string): string | null {
  const name = model.toLowerCase().replace(/^.*\//, '');
  return FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
