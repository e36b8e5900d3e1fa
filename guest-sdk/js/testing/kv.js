// The interface `kv` in memory. In a test every namespace is granted.

import { refused } from './refused.js';

/** `seeds`: namespace to key to value, as text or as what JSON makes of it. */
export function kvInterface(seeds) {
  const kept = new Map();
  const id = (namespace, key) => `${namespace}\0${key}`;
  for (const [namespace, values] of Object.entries(seeds)) {
    for (const [key, value] of Object.entries(values)) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      kept.set(id(namespace, key), { bytes: Buffer.from(text) });
    }
  }
  const find = (namespace, key) => {
    const found = kept.get(id(namespace, key));
    return found && !(found.until <= Date.now()) ? found : undefined;
  };
  const put = (namespace, key, bytes, time) =>
    void kept.set(id(namespace, key), { bytes: Buffer.from(bytes), until: time === null ? undefined : Date.now() + time });
  return {
    get: (namespace, key) => find(namespace, key)?.bytes ?? null,
    set: put,
    delete: (namespace, key) => find(namespace, key) !== undefined && kept.delete(id(namespace, key)),
    compareAndSet: (namespace, key, old, fresh, time) => {
      const there = find(namespace, key)?.bytes;
      const isOld = old === null ? there === undefined : there !== undefined && there.equals(Buffer.from(old));
      if (isOld && fresh !== null) put(namespace, key, fresh, time);
      if (isOld && fresh === null) kept.delete(id(namespace, key));
      return isOld;
    },
    increment: (namespace, key, by, time) => {
      const there = find(namespace, key);
      const value = Number(there?.bytes.toString() ?? 0) + by;
      if (!Number.isSafeInteger(value)) throw refused('E_KV_INVALID', `\`${key}\` is no number that fits`);
      const until = there ? there.until : time === null ? undefined : Date.now() + time;
      kept.set(id(namespace, key), { bytes: Buffer.from(String(value)), until });
      return { value, leftMs: until === undefined ? null : until - Date.now() };
    },
    keys: (namespace, prefix) => {
      const all = [...kept.keys()].map((name) => name.split('\0'));
      const here = all.filter(([own, key]) => own === namespace && key.startsWith(prefix) && find(own, key));
      return { keys: here.map(([, key]) => key).sort(), cursor: null };
    },
  };
}
