import { config, hook, type Request, type Response } from 'boathook-sdk';

const hello = (req: Request, res: Response) => res.text(`${config.own('greeting')} from my-hook!\n`);

export default hook({
  defaults: { __configKey__: { greeting: 'Hello' } },

  routes: {
    after: { 'GET /my-hook': hello },
  },
});
