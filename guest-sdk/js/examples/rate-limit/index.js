// State between requests: counts each client's POSTs, and answers 429 when they are too many.
//
// Mode `single` (in hook.toml) makes the count exact: one instance sees every request. The state stands inside
// the function, so that every instance, and every test, begins with its own. When another version takes its place
// while the server runs, that one goes on with the counts.

import { config, hook } from 'boathook-sdk';

export default hook(() => {
  let clients = new Map();
  let settings;
  let swept = 0;

  return {
    defaults: { __configKey__: { 'max-requests': 100, 'window-ms': 60_000 } },

    initialize() {
      settings = config.own();
    },

    // A value has up to 1 MiB, and who has asked most matters most.
    beforeSwap: () => Object.fromEntries([...clients].sort(([, a], [, b]) => b.count - a.count).slice(0, 10_000)),

    afterSwap(value) {
      // What another version kept in another way is begun anew.
      const isWindow = ([, client]) => Number.isFinite(client?.count) && Number.isFinite(client?.start);
      clients = new Map(Object.entries(value ?? {}).filter(isWindow));
    },

    routes: {
      before: {
        'POST /*'(req, res, next) {
          const now = Date.now();
          const isOver = (start) => now - start > settings['window-ms'];
          if (isOver(swept)) {
            // Once a window, or whoever came by would be remembered for ever.
            for (const [ip, client] of clients) if (isOver(client.start)) clients.delete(ip);
            swept = now;
          }
          let client = clients.get(req.ip);
          if (!client || isOver(client.start)) {
            client = { count: 0, start: now };
            clients.set(req.ip, client);
          }
          client.count += 1;
          if (client.count > settings['max-requests']) {
            return res.status(429).json({ error: 'Too many requests' });
          }
          return next();
        },
      },
    },
  };
});
