// Keeps values that outlive an instance, in namespaces, wherever the operator has them kept.

import { decode, encode } from './bytes.js';
import { HookError } from './error.js';
import { ask, host, text } from './host.js';

const PAGE = 100;
/** Attempts of `update`: at each of them somebody else was quicker. */
const ATTEMPTS = 100;

class Namespace {
  #name;

  constructor(name) {
    this.#name = name;
  }

  get(key) {
    const bytes = this.getBytes(key);
    return bytes && this.#parse(key, bytes);
  }

  set(key, data, { expiresIn } = {}) {
    this.setBytes(key, encode(text(data)), { expiresIn });
  }

  getBytes(key) {
    return ask(() => host.kv.get(this.#name, key)) ?? undefined;
  }

  setBytes(key, bytes, { expiresIn } = {}) {
    ask(() => host.kv.set(this.#name, key, bytes, expiresIn ?? null));
  }

  delete(key) {
    return ask(() => host.kv.delete(this.#name, key));
  }

  compareAndSet(key, old, fresh, { expiresIn } = {}) {
    return ask(() =>
      host.kv.compareAndSet(this.#name, key, old ?? null, fresh ?? null, expiresIn ?? null));
  }

  update(key, change, { expiresIn } = {}) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const old = this.getBytes(key);
      const fresh = change(old && this.#parse(key, old));
      const bytes = fresh === undefined ? undefined : encode(text(fresh));
      if (this.compareAndSet(key, old, bytes, { expiresIn })) return fresh;
    }
    throw new HookError(`kv \`${this.#name}\`: \`${key}\` was changed by others ${ATTEMPTS} times`);
  }

  increment(key, by = 1, { window } = {}) {
    const { value, leftMs } = ask(() => host.kv.increment(this.#name, key, by, window ?? null));
    return { value, left: leftMs ?? undefined };
  }

  *keys(prefix = '') {
    let cursor = null;
    do {
      const page = ask(() => host.kv.keys(this.#name, prefix, cursor, PAGE));
      yield* page.keys;
      cursor = page.cursor ?? null;
    } while (cursor !== null);
  }

  #parse(key, bytes) {
    try {
      return JSON.parse(decode(bytes));
    } catch (error) {
      throw new HookError(`kv \`${this.#name}\`: \`${key}\`: ${error.message}`);
    }
  }
}

/** The namespace of this name. */
export function kv(name) {
  return new Namespace(name);
}
