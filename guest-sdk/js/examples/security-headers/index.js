// Headers on every answer: they are set on the way back, when nobody can weaken them any more.
//
// An observer sees every response to what reached its route, 404 and 5xx included, and has the last word.

import { hook } from 'boathook-sdk';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'strict-transport-security': 'max-age=31536000; includeSubDomains;',
  'permissions-policy': 'camera=(), microphone=(), usb=()',
};

export default hook({
  routes: {
    before: {
      // A GET route takes HEAD, too. It stands in `before` to be reached whoever answers later.
      'GET /*': {
        keepAssets: true,
        observeResponse: (req, res) => res.setHeaders(HEADERS),
      },
    },
  },
});
