// Reads and changes the session of the client whose exchange is at hand.

import { ask, host, text, value } from './host.js';

export const session = {
  get: (key) => value(ask(() => host.session.get(key))),
  all: () => value(ask(() => host.session.all())),
  set: (key, data) => ask(() => host.session.set(key, text(data))),
  delete: (key) => ask(() => host.session.delete(key)),
  destroy: () => ask(() => host.session.destroy()),
  regenerate: () => ask(() => host.session.regenerate()),
  flash: (key, data) => ask(() => host.session.flash(key, text(data))),
  readFlash: (key) => value(ask(() => host.session.readFlash(key))),
};
