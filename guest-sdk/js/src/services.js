// The host's services but for `kv` and `fetch`: configuration, events, other hooks, log, secrets,
// tasks.

import { ask, host, text, value } from './host.js';

/** The own key as a path: in quotes where it has a dot itself. */
function own(path) {
  const key = host.config.configKey();
  const quoted = key.includes('.') ? `"${key}"` : key;
  return path === undefined ? quoted : `${quoted}.${path}`;
}

export const config = {
  get: (path = '') => value(host.config.get(path)),
  set: (path, data) => ask(() => host.config.set(path, text(data))),
  own: (path) => value(host.config.get(own(path))) ?? (path === undefined ? {} : undefined),
  setOwn: (path, data) => config.set(own(path), data),
  key: () => host.config.configKey(),
};

export const events = {
  emit: (event, payload) => ask(() => host.events.emit(event, text(payload))),
  wait: (...names) => ask(() => host.events.wait(names.flat())),
  subscribe: (event) => ask(() => host.events.subscribe(event)),
};

export const hooks = {
  names: () => host.hooks.names(),
  publish: (key, data) => ask(() => host.hooks.publish(key, text(data))),
  data: (hook, key) => value(host.hooks.data(hook, key)),
  call: (hook, method, args) => value(ask(() => host.hooks.call(hook, method, text(args)))),
};

export const tasks = {
  defer: (name, payload, { durable, delay } = {}) =>
    ask(() => host.tasks.defer(name, text(payload), text({ durable, delay }))),
};

export const secrets = {
  get: (name) => ask(() => host.secrets.get(name)),
};

/** One function a level. A message may be a function, which is called if such lines are written at all. */
function level(name) {
  return (message, fields = {}) => {
    if (!host.log.enabled(name)) return;
    host.log.log(name, String(typeof message === 'function' ? message() : message), text(fields));
  };
}

export const log = {
  silly: level('silly'),
  verbose: level('verbose'),
  info: level('info'),
  debug: level('debug'),
  warn: level('warn'),
  error: level('error'),
  enabled: (name) => host.log.enabled(name),
};
