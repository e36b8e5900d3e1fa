import { config, hook } from 'boathook-sdk';

export default hook({
  defaults: { __configKey__: { greeting: 'Hello' } },

  routes: {
    after: {
      'GET /my-hook': (req, res) => res.text(`${config.own('greeting')} from my-hook!\n`),
    },
  },
});
