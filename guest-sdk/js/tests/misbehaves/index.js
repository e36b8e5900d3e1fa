// A hook that does whatever a hook should not. The server's tests show that it harms itself alone.

import { HookError, hook } from 'boathook-sdk';

/** No tail call, so that each turn needs a frame. */
const deeper = (depth) => 1 + deeper(depth + 1);

export default hook({
  routes: {
    after: {
      'GET /fine': (req, res) => res.text('fine\n'),
      'GET /loop': () => {
        for (;;);
      },
      'GET /throw': () => {
        throw new Error('thrown on purpose');
      },
      'GET /refuse': () => {
        throw new HookError('a teapot makes no coffee', { status: 418, code: 'E_TEAPOT' });
      },
      'GET /allocate': () => {
        const hoard = [];
        for (;;) hoard.push(new Uint8Array(1 << 20));
      },
      'GET /recurse': (req, res) => res.json(deeper(0)),
    },
  },
});
