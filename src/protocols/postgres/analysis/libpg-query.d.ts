// The compiled grammar itself. The package's index keeps one instance for ever, and an instance that trapped must be replaced.
declare module 'libpg-query/wasm/libpg-query.js' {
  export interface PgQueryInstance {
    readonly HEAPU8: Uint8Array;
    _malloc(size: number): number;
    _free(pointer: number): void;
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, pointer: number, maxBytes: number): void;
    UTF8ToString(pointer: number): string;
    getValue(pointer: number, type: 'i32'): number;
    _wasm_parse_query_raw(text: number): number;
    _wasm_free_parse_result(result: number): void;
    _wasm_parse_plpgsql(text: number): number;
    _wasm_fingerprint(text: number): number;
    _wasm_scan(text: number): number;
    _wasm_free_string(text: number): void;
  }
  const createInstance: () => Promise<PgQueryInstance>;
  export default createInstance;
}
