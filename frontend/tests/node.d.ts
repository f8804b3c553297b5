// As much of Node's as the tests use; its types are a package of their own.
declare module "node:test" {
  export function test(name: string, told: () => void | Promise<void>): void;
  export function beforeEach(told: () => void): void;
}

declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    rejects(promise: Promise<unknown>, error?: object): Promise<void>;
  };
  export default assert;
}
