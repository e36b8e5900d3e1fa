// Where the host's functions are found: those of the component's imports in a component, those of
// `boathook-sdk/testing` in a test. Nothing else in the SDK knows which of the two it is.

import { HookError } from './error.js';

/** One property an interface of the world's imports: `request`, `response`, `kv`, ... */
export const host = {};

/** Puts these interfaces in place of those that were there. */
export function bind(interfaces) {
  Object.assign(host, interfaces);
}

/** Calls the host, and turns its error into a `HookError`. */
export function ask(call) {
  try {
    return call();
  } catch (error) {
    throw HookError.from(error);
  }
}

/** The JSON text of a value; `undefined` counts as `null`. */
export function text(value) {
  return JSON.stringify(value) ?? 'null';
}

/** The value of a JSON text of the host's; `undefined` where the host has none. */
export function value(json) {
  return json == null ? undefined : JSON.parse(json);
}
