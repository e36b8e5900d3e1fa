// The first lesson: a hook is an object with a route, and answers.
//
// The route stands in `after`, behind the app's own: guards that stand in `before` have run by then.

import { hook } from 'boathook-sdk';

export default hook({
  routes: {
    after: {
      'GET /hello': (req, res) => res.text('Hello from a hook!\n'),
    },
  },
});
