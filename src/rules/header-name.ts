// The canonical spelling of header names, the one that `http.headers` has its keys in.

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** `x-api-key` → `X-Api-Key`: capitals at the start and after each hyphen. A name that is no token stays as it is. */
export function canonicalHeader(name: string): string {
  if (!TOKEN.test(name)) {
    return name;
  }
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
