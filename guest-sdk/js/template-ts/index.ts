import { config, hook, type Request, type Response } from 'boathook-sdk';

const hello = (req: Request, res: Response) =>
  res.json({ said: `${config.own('greeting')}, ${req.param('name')}!` });

export default hook({
  defaults: { __configKey__: { greeting: 'Hello' } },

  routes: {
    after: { 'GET /hello/:name': hello },
  },
});
