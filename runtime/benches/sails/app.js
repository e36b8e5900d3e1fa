// Serves the bench suite's work with Sails in production: `node app.js PORT HOOKS`.
//
// Each hook reads a header and sets five; the app's own route answers. Everything that this does not
// need is switched off, and so are all middlewares but the router: Sails at its best.
'use strict';

const sails = require('sails');

const [port, count] = process.argv.slice(2).map(Number);

const SET = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'SAMEORIGIN'],
  ['referrer-policy', 'strict-origin-when-cross-origin'],
  ['permissions-policy', 'camera=(), microphone=(), usb=()'],
];

function headers() {
  return {
    routes: {
      before: {
        'GET /*': function (req, res, next) {
          res.setHeader('x-served-for', req.headers['x-tenant'] || 'nobody');
          for (const [name, value] of SET) {
            res.setHeader(name, value);
          }
          return next();
        },
      },
    },
  };
}

const hooks = {};
for (const name of [
  'blueprints', 'csrf', 'grunt', 'helpers', 'i18n', 'logger', 'orm', 'policies', 'pubsub',
  'security', 'services', 'session', 'sockets', 'userconfig', 'userhooks', 'views',
]) {
  hooks[name] = false;
}
for (let at = 0; at < count; at++) {
  hooks[`headers-${at}`] = () => headers();
}

sails.lift({
  appPath: __dirname,
  environment: 'production',
  port,
  explicitHost: '127.0.0.1',
  hooks,
  log: { level: 'silent', noShip: true },
  http: { middleware: { order: ['router'] } },
  routes: {
    'GET /*': {
      skipAssets: false,
      fn: (req, res) => {
        res.setHeader('content-type', 'text/plain; charset=utf-8');
        res.setHeader('content-length', '5');
        return res.end('hello');
      },
    },
  },
}, (error) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  console.log(`listening on http://127.0.0.1:${port}`);
});

process.on('SIGTERM', () => process.exit(0));
