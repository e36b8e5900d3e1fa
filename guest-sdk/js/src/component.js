// Makes the world's exports of a hook. `boathook-js build` writes the entry that imports this; it
// can be loaded in a component alone.

import * as config from 'boathook:hook/config@0.1.0';
import * as events from 'boathook:hook/events@0.1.0';
import * as fetch from 'boathook:hook/fetch@0.1.0';
import * as hooks from 'boathook:hook/hooks@0.1.0';
import * as kv from 'boathook:hook/kv@0.1.0';
import * as log from 'boathook:hook/log@0.1.0';
import * as request from 'boathook:hook/request@0.1.0';
import * as response from 'boathook:hook/response@0.1.0';
import * as secrets from 'boathook:hook/secrets@0.1.0';
import * as session from 'boathook:hook/session@0.1.0';
import * as tasks from 'boathook:hook/tasks@0.1.0';

import { makeConsole } from './console.js';
import { wire } from './error.js';
import { bind, text, value } from './host.js';
import { Instance } from './instance.js';
import { wireRoute } from './routes.js';

bind({ config, events, fetch, hooks, kv, log, request, response, secrets, session, tasks });
globalThis.console ??= makeConsole();

/** The exports. The hook is made at the first call, not when it is built: its state is of this instance. */
export function component(made) {
  let instance;
  const answer = (call) => {
    try {
      instance ??= new Instance(made);
      return call(instance);
    } catch (error) {
      // The host takes the record; an Error object would be a trap.
      throw wire(error);
    }
  };
  return {
    lifecycle: {
      defaults: (overrides) => answer((hook) => text(hook.defaults(value(overrides)))),
      configure: () => answer((hook) => hook.verb('configure')),
      initialize: () => answer((hook) => hook.verb('initialize')),
      lower: () => answer((hook) => hook.verb('lower')),
    },
    routing: {
      routes: () => answer((hook) => hook.routes.map(wireRoute)),
      handleRoute: (route) => answer((hook) => hook.handleRoute(route)),
    },
    observing: {
      handleResponse: (route) => answer((hook) => hook.handleResponse(route)),
      handleFinish: (route) => answer((hook) => hook.handleFinish(route)),
    },
    methods: {
      methods: () => answer((hook) => hook.methods),
      call: (name, args) => answer((hook) => text(hook.call(name, value(args)))),
    },
    listening: {
      handleEvent: (event, payload) => answer((hook) => hook.handleEvent(event, value(payload))),
    },
    background: {
      handleTask: (name, payload, attempt) => answer((hook) => hook.handleTask(name, value(payload), attempt)),
      handleTick: (name) => answer((hook) => hook.handleTick(name)),
    },
    swapping: {
      beforeSwap: () => answer((hook) => hook.beforeSwap()),
      afterSwap: (handed) => answer((hook) => hook.afterSwap(value(handed))),
    },
  };
}
