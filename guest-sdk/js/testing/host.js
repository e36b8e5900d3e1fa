// The host in memory: the interfaces that a component would import, as far as a test can see them.

import { exchangeInterfaces } from './ambient.js';
import { kvInterface } from './kv.js';
import { refused } from './refused.js';

export class MemoryHost {
  stage = 'defaults';
  lines = [];
  fired = [];
  subscribed = [];
  sent = [];
  deferred = [];
  exchange = undefined;

  constructor(config, { name, published = {}, methods = {}, secrets = {}, fetch, kv = {}, hooks = [] }) {
    this.name = name;
    this.tree = structuredClone(config);
    this.published = structuredClone(published);
    this.interfaces = {
      ...exchangeInterfaces(this),
      config: this.#config(),
      events: this.#events(),
      hooks: this.#hooks(methods, [name, ...hooks]),
      kv: kvInterface(kv),
      log: {
        log: (level, message, text) => this.lines.push({ level, message, fields: JSON.parse(text) }),
        enabled: () => true,
      },
      secrets: {
        get(wanted) {
          if (Object.hasOwn(secrets, wanted)) return secrets[wanted];
          throw refused('E_NOT_GRANTED', `no secret \`${wanted}\` is granted`);
        },
      },
      tasks: {
        defer: (task, payload, options) =>
          void this.deferred.push({ name: task, payload: JSON.parse(payload), options: JSON.parse(options) }),
      },
      fetch: { send: (request) => this.#send(fetch, request) },
    };
  }

  /** Puts defaults under the configuration; `__configKey__` stands for the hook's own. */
  underDefaults({ __configKey__: own = {}, ...rest }) {
    this.tree = merged(this.tree, { ...rest, [this.name]: own });
  }

  /** The value at a dotted path. */
  find(path) {
    return keysOf(path).reduce((tree, key) => (Object.hasOwn(Object(tree), key) ? tree[key] : undefined), this.tree);
  }

  #config() {
    return {
      get: (path) => JSON.stringify(this.find(path)) ?? null,
      configKey: () => this.name,
      set: (path, value) => {
        this.#only(['configure'], 'config.set');
        const keys = keysOf(path);
        if (![this.name, 'custom'].includes(keys[0])) {
          throw refused('', `config.set: \`${path}\` is neither this hook's own nor \`custom\``);
        }
        const over = keys.reduceRight((inner, key) => ({ [key]: inner }), JSON.parse(value));
        this.tree = merged(over, this.tree);
      },
    };
  }

  #events() {
    return {
      emit: (event, payload) => void this.fired.push({ event, payload: JSON.parse(payload) }),
      wait: (events) => {
        this.#only(['initialize'], 'events.wait');
        const missing = events.filter((event) => !this.fired.some((fired) => fired.event === event));
        if (missing.length > 0) throw refused('', `nobody fires ${missing.join(', ')} any more`);
      },
      subscribe: (event) => {
        this.#only(['configure', 'initialize'], 'events.subscribe');
        this.subscribed.push(event);
      },
    };
  }

  #hooks(methods, names) {
    return {
      names: () => names,
      publish: (key, value) => {
        this.#only(['initialize'], 'hooks.publish');
        (this.published[this.name] ??= {})[key] = JSON.parse(value);
      },
      data: (hook, key) => JSON.stringify(this.published[hook]?.[key]) ?? null,
      call: (hook, method, args) => {
        const stub = methods[`${hook}.${method}`];
        if (!stub) throw refused('E_NO_METHOD', `no such method: \`${hook}.${method}\``);
        return JSON.stringify(stub(JSON.parse(args))) ?? 'null';
      },
    };
  }

  #send(fetch, request) {
    const options = JSON.parse(request.options);
    const sent = { ...request, options, body: Buffer.from(request.body).toString() };
    this.sent.push(sent);
    if (!fetch) throw refused('E_NOT_GRANTED', `\`${request.url}\` is not granted`);
    const { status = 200, headers = {}, body = '', json } = fetch(sent);
    const block = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const payload = json === undefined ? body : JSON.stringify(json);
    return { status, url: request.url, headers: Buffer.from(block), body: Buffer.from(payload) };
  }

  #only(stages, what) {
    if (!stages.includes(this.stage)) throw refused('', `${what}: works in ${stages.join(' and ')} alone`);
  }
}

/** The keys of a path; the first may stand in quotes, for a dot of its own. */
function keysOf(path) {
  const [, quoted, rest] = /^"([^"]*)"\.?(.*)$/.exec(path) ?? [undefined, undefined, path];
  return [quoted, ...rest.split('.')].filter((key) => key !== undefined && key !== '');
}

/** Objects merge, everything else of the winner stays. */
function merged(winner, under) {
  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!isObject(winner) || !isObject(under)) return winner;
  const both = { ...under };
  for (const [key, value] of Object.entries(winner)) {
    both[key] = Object.hasOwn(under, key) ? merged(value, under[key]) : value;
  }
  return both;
}
