// What a hook imports. `types/index.d.ts` says what everything means.

export { HookError } from './error.js';
export { fetch } from './fetch.js';
export { hook } from './hook.js';
export { kv } from './kv.js';
export { config, events, hooks, log, secrets, tasks } from './services.js';
