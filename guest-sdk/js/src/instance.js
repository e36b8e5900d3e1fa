// Runs a hook: turns what the host calls, an index or a name, into the call of a handler.
//
// Both the component's exports and `boathook-sdk/testing` come through here.

import { HookError } from './error.js';
import { definitionOf } from './hook.js';
import { host, text } from './host.js';
import { NEXT, NEXT_ROUTE } from './outcome.js';
import { Request } from './request.js';
import { Response } from './response.js';
import { table } from './routes.js';

/** One live hook with its tables. */
export class Instance {
  #hook;
  #routes;
  #request = new Request();

  constructor(made) {
    this.#hook = definitionOf(made);
  }

  defaults(overrides) {
    const { defaults = {} } = this.#hook;
    const made = typeof defaults === 'function' ? this.#hook.defaults(overrides) : defaults;
    return settled('defaults', made) ?? {};
  }

  /** Calls `configure`, `initialize` or `lower`, if the hook has it. */
  verb(name) {
    settled(name, this.#hook[name]?.());
  }

  get routes() {
    if (!this.#routes) {
      const { routes } = this.#hook;
      this.#routes = table(settled('routes', typeof routes === 'function' ? this.#hook.routes() : routes));
    }
    return this.#routes;
  }

  /** Goes through a route's handler, hands over what it gathered, and says how the step ends. */
  handleRoute(index) {
    const route = this.#route(index);
    if (!route.handle) return NEXT;
    const step = { outcome: undefined };
    const next = (how) => {
      if (how !== undefined && how !== 'route') throw how;
      step.outcome = how === 'route' ? NEXT_ROUTE : NEXT;
      return step.outcome;
    };
    this.#run(step, (response) => {
      settled(`\`${route.address}\``, route.handle.call(this.#hook, this.#request, response, next));
    });
    if (step.outcome === undefined) {
      throw new HookError(`the handler of \`${route.address}\` neither answered nor called \`next()\``);
    }
    return step.outcome;
  }

  handleResponse(index) {
    const observer = this.#route(index).observeResponse;
    if (!observer) return;
    this.#run({ outcome: undefined }, (response) => {
      settled('observeResponse', observer.call(this.#hook, this.#request, response));
    });
  }

  handleFinish(index) {
    const observer = this.#route(index).observeFinish;
    if (observer) settled('observeFinish', observer.call(this.#hook, this.#request, finish()));
  }

  get methods() {
    const summaries = Object.entries(this.#hook.methods ?? {});
    return summaries.map(([name, method]) => ({ name, summary: method.summary ?? '' }));
  }

  call(name, args) {
    const { methods = {} } = this.#hook;
    if (!Object.hasOwn(methods, name)) {
      throw new HookError(`no such method: \`${name}\``, { code: 'E_NO_METHOD' });
    }
    const given = methods[name];
    const method = typeof given === 'function' ? given : given.call;
    return settled(`method \`${name}\``, method.call(this.#hook, args, this.#request));
  }

  handleEvent(event, payload) {
    settled('handleEvent', this.#hook.handleEvent?.(event, payload));
  }

  handleTask(name, payload, attempt) {
    if (!this.#hook.handleTask) throw new HookError(`the hook has no \`handleTask\`, and was given the task \`${name}\``);
    settled('handleTask', this.#hook.handleTask(name, payload, attempt));
  }

  handleTick(name) {
    if (!this.#hook.handleTick) throw new HookError(`the hook has no \`handleTick\`, and it is time for \`${name}\``);
    settled('handleTick', this.#hook.handleTick(name));
  }

  /** What the next generation is to know, as text; `undefined` for nothing. */
  beforeSwap() {
    const made = settled('beforeSwap', this.#hook.beforeSwap?.());
    return made === undefined ? undefined : text(made);
  }

  afterSwap(handed) {
    settled('afterSwap', this.#hook.afterSwap?.(handed));
  }

  #route(index) {
    const route = this.routes[index];
    if (!route) throw new HookError(`no such route: ${index}`);
    return route;
  }

  /** Headers and status reach the host on an error too, as they would had they been set one by one. */
  #run(step, work) {
    const response = new Response(step);
    try {
      work(response);
    } catch (error) {
      try {
        response.handOver(false);
      } catch {
        // The first error is the one to tell.
      }
      throw error;
    }
    response.handOver(step.outcome !== NEXT && step.outcome !== NEXT_ROUTE);
  }
}

/** The response when it is out: it can be read, and nothing can be changed any more. */
function finish() {
  const response = new Response({});
  return {
    get statusCode() {
      return host.response.status();
    },
    header: (name) => response.header(name),
    get bytesSent() {
      return host.response.bytesSent();
    },
    /** Milliseconds from the request's head to the last byte. */
    get elapsed() {
      return host.response.elapsed() / 1e6;
    },
    get completed() {
      return host.response.completed();
    },
  };
}

/** What a verb returned. The host's functions wait by themselves, so there is nothing to await. */
function settled(what, returned) {
  if (typeof returned?.then === 'function') {
    throw new HookError(`${what}: it returned a promise, and hooks are not async\n`
      + 'hint: leave `async` and `await` out: what has to wait waits by itself');
  }
  return returned;
}
