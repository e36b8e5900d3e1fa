import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HookError, config, events, fetch, hook, hooks, kv, log, secrets, tasks } from '../src/index.js';
import { wire } from '../src/error.js';
import { lift } from '../testing/index.js';
import { lifted } from './helpers.js';

test('a definition may be an object, a function or a class', () => {
  const routes = { after: { 'GET /': (req, res) => res.text('here') } };
  class Made {
    count = 0;
    routes() {
      return { after: { 'GET /': (req, res) => res.json(++this.count) } };
    }
  }
  assert.equal(lift(hook({ routes })).request('GET', '/').text, 'here');
  assert.equal(lift(hook(() => ({ routes }))).request('GET', '/').text, 'here');
  const made = hook(Made);
  const app = lift(made);
  app.request('GET', '/');
  assert.deepEqual([app.request('GET', '/').text, lift(made).request('GET', '/').text], ['2', '1']);
});

test('what is misspelt is said, with what it could be', () => {
  assert.throws(() => lift(hook({ route: {} })), /unknown key `route`, of defaults,/);
  assert.throws(() => lift(hook({ routes: { befor: {} } })), /unknown key `befor`, of before, after, named/);
  assert.throws(() => lift(hook({ routes: { after: { '/x': { handel() {} } } } })), /after `\/x`: unknown key `handel`/);
  assert.throws(() => lift(hook({ routes: { after: { '/x': {} } } })), /has neither `handle` nor an observer/);
  assert.throws(() => lift(hook(null)), /no hook/);
});

test('the lifecycle runs in its order, and each service where it may', () => {
  const app = lift(hook({
    defaults: (overrides) => ({ __configKey__: { size: 1, seen: Object.keys(overrides) } }),
    configure: () => config.setOwn('size', config.own('size') + 1),
    initialize() {
      events.subscribe('user:gone');
      hooks.publish('size', config.own().size);
      log.info('ready', { size: config.own('size') });
    },
    methods: {
      double: (n) => n * 2,
      described: { summary: 'Says hello', call: (name) => `hello ${name}` },
    },
    handleEvent: (event, payload) => log.warn(`${event} ${payload}`),
  }), { other: {} }, { name: 'my.hook' });
  assert.deepEqual(app.published, { size: 2 });
  assert.deepEqual(app.config('"my.hook".seen'), ['other']);
  assert.deepEqual([app.call('double', 21), app.call('described', 'Ada')], [42, 'hello Ada']);
  assert.throws(() => app.call('constructor'), { code: 'E_NO_METHOD' });
  assert.deepEqual([app.deliver('user:gone', 'ada'), app.deliver('other')], [true, false]);
  assert.deepEqual(app.log.map(({ level, message }) => `${level} ${message}`), ['info ready', 'warn user:gone ada']);
});

test('kv keeps JSON and bytes, counts, and changes a value as one step', () => {
  const app = lifted((req, res) => {
    const names = kv('names');
    names.set('ada', { born: 1815 }, { expiresIn: 60_000 });
    names.update('list', (old = []) => [...old, 'ada']);
    const counts = [names.increment('n').value, names.increment('n', 5, { window: 1000 }).value];
    return res.json([names.get('ada'), names.get('list'), names.get('nobody') ?? null, counts, [...names.keys('l')],
      names.delete('ada'), names.delete('ada')]);
  }, {}, { kv: { names: { list: ['eve'] } } });
  assert.deepEqual(app.request('GET', '/').json(),
    [{ born: 1815 }, ['eve', 'ada'], null, [1, 6], ['list'], true, false]);
});

test('fetch returns the answer, and an error by its code', () => {
  const handle = (req, res) => res.json(fetch('https://api.example.com/x', { method: 'post', json: { a: 1 } }).successful().json());
  const answers = { fetch: ({ method, body, options }) => ({ json: { method, body, options } }) };
  const app = lifted(handle, {}, answers);
  assert.deepEqual(app.request('GET', '/').json(), { method: 'POST', body: '{"a":1}', options: {} });
  assert.equal(lifted(handle).request('GET', '/').error.code, 'E_NOT_GRANTED');
  assert.equal(lifted(handle, {}, { fetch: () => ({ status: 500 }) }).request('GET', '/').status, 502);
});

test('secrets, methods and data of others come from the test', () => {
  const app = lifted((req, res) => res.json([secrets.get('key'), hooks.data('orm', 'models'), hooks.call('orm', 'find', 7), hooks.names()]),
    {}, { secrets: { key: 's3cret' }, published: { orm: { models: ['user'] } }, methods: { 'orm.find': (id) => ({ id }) }, hooks: ['orm'] });
  assert.deepEqual(app.request('GET', '/').json(), ['s3cret', ['user'], { id: 7 }, ['hook', 'orm']]);
});

test('tasks are deferred and run, and ticks come', () => {
  const ran = [];
  const app = lift(hook({
    routes: {
      after: {
        'POST /signup': (req, res) => {
          tasks.defer('welcome', { to: 'ada' }, { durable: true, delay: 1000 });
          tasks.defer('count');
          return res.ok();
        },
      },
    },
    handleTask: (...task) => void ran.push(task),
    handleTick: (name) => void ran.push(name),
  }));
  app.request('POST', '/signup');
  assert.deepEqual(app.deferred[0], { name: 'welcome', payload: { to: 'ada' }, options: { durable: true, delay: 1000 } });
  app.runTasks();
  app.tick('clean-up');
  assert.deepEqual(ran, [['welcome', { to: 'ada' }, 1], ['count', null, 1], 'clean-up']);
  assert.throws(() => lift(hook({})).tick('x'), /the hook has no `handleTick`, and it is time for `x`/);
});

test('sessions and locals last as long as they should', () => {
  const app = lifted((req, res, next) => {
    req.session.set('visits', (req.session.get('visits') ?? 0) + 1);
    req.setLocal('user', { id: 7 });
    return next();
  });
  const reply = app.request('GET', '/', { session: { visits: 2 } });
  assert.deepEqual([reply.session, reply.locals], [{ visits: 3 }, { user: { id: 7 } }]);
});

test('whatever is thrown becomes the record of the world', () => {
  const plain = { code: '', message: 'text', status: null, details: null };
  assert.deepEqual([wire('text'), wire(new HookError('text'))], [plain, plain]);
  const { message, details } = wire(new TypeError('x is no function'));
  assert.equal(message, 'TypeError: x is no function');
  assert.match(JSON.parse(details).stack, /hook\.test\.js/);
  assert.equal(wire(Object.assign(new Error('odd'), { status: 200, code: 7 })).status, null);
});
