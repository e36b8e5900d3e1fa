// Settings with defaults: `__configKey__` stands for wherever the operator keeps this hook's settings.

import { config, hook } from 'boathook-sdk';

export default hook({
  defaults: { __configKey__: { phrase: 'make it rain' } },

  routes: {
    after: {
      // Reads the setting each time, as Sails' hooks do. `rate-limit` reads its own once.
      'GET /shout': (req, res) => res.text(`${config.own('phrase')}\n`),
    },
  },
});
