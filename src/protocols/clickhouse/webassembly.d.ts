// As much of WebAssembly as is used here: the types of the language's own library leave it to browsers.
declare namespace WebAssembly {
  class Module {
    private readonly isModule: true;
    constructor(bytes: Uint8Array);
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
    private constructor();
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: Module);
  }
}
