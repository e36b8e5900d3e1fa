// Runs a hook against a host in memory, without wasm: for `node --test` or any other runner.

import { latin1 } from '../src/bytes.js';
import { bind } from '../src/host.js';
import { Instance } from '../src/instance.js';
import { wireRoute } from '../src/routes.js';
import { matches, passesAssets } from './address.js';
import { Exchange } from './exchange.js';
import { MemoryHost } from './host.js';

/** Lifts a hook as the server would: `defaults`, `configure`, `initialize`, `routes`. */
export function lift(hook, config = {}, options = {}) {
  return new Lifted(hook, config, options);
}

class Lifted {
  #made;
  #config;
  #options;
  #host;
  #instance;

  constructor(hook, config, options) {
    [this.#made, this.#config, this.#options] = [hook, config, options];
    this.#host = new MemoryHost(config, { name: 'hook', ...options });
    bind(this.#host.interfaces);
    this.#instance = new Instance(hook);
    this.#host.underDefaults(this.#instance.defaults(structuredClone(config)));
    this.#at('configure');
    this.#at('initialize');
    this.#host.stage = 'running';
    this.#host.fired.push({ event: `hook:${options.name ?? 'hook'}:loaded`, payload: null });
    // What the world's record cannot say is found here too.
    this.#instance.routes.map(wireRoute);
  }

  /** The lines that the hook wrote to the log. */
  get log() {
    return this.#host.lines;
  }

  /** The events that fired, in order. */
  get fired() {
    return this.#host.fired;
  }

  /** What the hook made public, by key. */
  get published() {
    return this.#host.published[this.#host.name] ?? {};
  }

  /** The requests that the hook sent to other servers. */
  get sent() {
    return this.#host.sent;
  }

  /** The configuration as it stands. */
  config(path = '') {
    return this.#host.find(path);
  }

  /** The value of a key in a namespace, as text; `undefined` where there is none. */
  kept(namespace, key) {
    const bytes = this.#with(() => this.#host.interfaces.kv.get(namespace, key));
    return bytes === null ? undefined : Buffer.from(bytes).toString();
  }

  /** Sends a request through the hook: `before`, the request's `target`, `after`, observers. */
  request(method, path, options = {}) {
    return this.#exchange(new Exchange(method, path, options), undefined);
  }

  /** Sends a request to a named route, as the operator's binding would. */
  action(name, method, path, options = {}) {
    return this.#exchange(new Exchange(method, path, options), name);
  }

  /** Calls one of the hook's methods, as another hook would. */
  call(name, args = null) {
    return this.#with(() => this.#instance.call(name, structuredClone(args)));
  }

  /** Delivers an event, if the hook subscribed to it, and says whether it did. */
  deliver(event, payload = null) {
    if (!this.#host.subscribed.includes(event)) return false;
    this.#with(() => this.#instance.handleEvent(event, structuredClone(payload)));
    return true;
  }

  /** The tasks that the hook handed itself. */
  get deferred() {
    return this.#host.deferred;
  }

  /** Runs the tasks that were deferred so far, and takes them from the list. */
  runTasks(attempt = 1) {
    for (const { name, payload } of this.#host.deferred.splice(0)) {
      this.#with(() => this.#instance.handleTask(name, payload, attempt));
    }
  }

  /** Has a tick come. */
  tick(name) {
    this.#with(() => this.#instance.handleTick(name));
  }

  /**
   * Puts another hook, or this one once more, in its place, as a deploy does: lifts it, with the same
   * settings and options or others, gives it what this one hands over, and returns it.
   */
  swap(hook = this.#made, config = this.#config, options = this.#options) {
    const next = new Lifted(hook, config, options);
    const handed = this.#with(() => this.#instance.beforeSwap());
    if (handed !== undefined) next.#with(() => next.#instance.afterSwap(JSON.parse(handed)));
    return next;
  }

  /** Calls `lower`. */
  lower() {
    this.#at('lower');
  }

  #at(verb) {
    this.#host.stage = verb;
    this.#with(() => this.#instance.verb(verb));
  }

  /** Of several hooks that a test has lifted each finds its own host. */
  #with(work) {
    bind(this.#host.interfaces);
    return work();
  }

  #exchange(exchange, action) {
    this.#host.exchange = exchange;
    try {
      return this.#with(() => this.#walk(exchange, action));
    } finally {
      this.#host.exchange = undefined;
    }
  }

  #walk(exchange, action) {
    const reached = [];
    let error;
    let outcome = 'next';
    try {
      outcome = this.#phase(exchange, reached, ({ phase }) => phase === 'before');
      if (outcome === 'next' && action !== undefined) {
        outcome = this.#phase(exchange, reached, ({ phase, address }) => phase === 'named' && address === action);
      }
      if (outcome === 'next' && !exchange.answerAsTarget()) {
        outcome = this.#phase(exchange, reached, ({ phase }) => phase === 'after');
        if (outcome === 'next') exchange.answerAsError(404, 'Not Found');
      }
    } catch (thrown) {
      [error, outcome] = [thrown, 'error'];
      exchange.answerAsError(thrown.status ?? 500, thrown.message);
    }
    const observe = (verb) => reached.toReversed().forEach((index) => {
      try {
        this.#instance[verb](index);
      } catch (thrown) {
        error ??= thrown;
        if (verb === 'handleResponse') exchange.answerAsError(thrown.status ?? 500, thrown.message);
      }
    });
    exchange.step = 'response';
    observe('handleResponse');
    exchange.step = 'finish';
    observe('handleFinish');
    return reply(exchange, outcome, error);
  }

  /** Runs the routes of one phase that match. The path is asked anew each time: a hook may change it. */
  #phase(exchange, reached, isWanted) {
    for (const [index, route] of this.#instance.routes.entries()) {
      if (!isWanted(route)) continue;
      const isNamed = route.phase === 'named';
      const params = isNamed ? [] : matches(route.address, exchange.method, exchange.path);
      if (!params || (!isNamed && passesAssets(route) && exchange.looksLikeAsset)) continue;
      exchange.params = params;
      exchange.options = { ...route.options, ...exchange.options };
      exchange.readsBody = Boolean(route.readBody);
      reached.push(index);
      const outcome = this.#instance.handleRoute(index);
      if (outcome === 'respond') return outcome;
      exchange.body = Buffer.alloc(0);
    }
    return 'next';
  }
}

/** What became of a request. */
function reply(exchange, outcome, error) {
  const body = Buffer.from(exchange.body);
  return {
    outcome,
    error,
    status: exchange.status,
    headers: exchange.headerObject(),
    header: (name) => exchange.header(name)?.map(latin1).join(', '),
    body,
    text: body.toString(),
    json: () => JSON.parse(body.toString()),
    locals: exchange.locals,
    session: exchange.session,
  };
}
