import { config, hook } from 'boathook-sdk';

export default hook({
  defaults: { __configKey__: { greeting: 'Hello' } },

  routes: {
    after: {
      'GET /hello/:name': (req, res) => res.json({ said: `${config.own('greeting')}, ${req.param('name')}!` }),
    },
  },
});
