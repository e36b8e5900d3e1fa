import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HookError, hook } from '../src/index.js';
import { lift } from '../testing/index.js';
import { lifted } from './helpers.js';

test('next goes on and keeps headers, but no body', () => {
  const app = lifted((req, res, next) => {
    res.status(201).setHeader('x-seen', 'yes').setBody('dropped');
    return next();
  });
  const reply = app.request('GET', '/x', { target: { body: 'target' } });
  assert.deepEqual([reply.outcome, reply.text, reply.header('x-seen')], ['next', 'target', 'yes']);
});

test('next counts without being returned, and an answer too', () => {
  assert.equal(lifted((req, res, next) => { next(); }).request('GET', '/').outcome, 'next');
  assert.equal(lifted((req, res) => { res.text('hi'); }).request('GET', '/').text, 'hi');
});

test('next with an error is that error', () => {
  const reply = lifted((req, res, next) => next(HookError.forbidden('not yours'))).request('GET', '/');
  assert.deepEqual([reply.status, reply.error.message], [403, 'not yours']);
});

test('a handler that ends in neither way is an error that names it', () => {
  const { error } = lifted(() => {}).request('GET', '/');
  assert.match(error.message, /handler of `ALL \/\*` neither answered nor called `next\(\)`/);
});

test('an async handler is told that hooks are not', () => {
  const { error } = lifted(async (req, res) => res.text('late')).request('GET', '/');
  assert.match(error.message, /returned a promise, and hooks are not async/);
});

test('headers that were set stay on an error', () => {
  const reply = lifted((req, res) => {
    res.setHeader('retry-after', '60');
    throw new HookError('busy', { status: 503 });
  }).request('GET', '/');
  assert.deepEqual([reply.status, reply.header('retry-after')], [503, '60']);
});

test('a line break in a header is refused before it reaches the host', () => {
  const { error } = lifted((req, res) => res.setHeader('x', 'a\r\nset-cookie: b').text('')).request('GET', '/');
  assert.equal(error.code, 'E_HOOK_BAD_RESPONSE');
});

test('headers set twice have the last value, lists and appended ones have all', () => {
  const reply = lifted((req, res) => {
    res.setHeader('X-A', '1').setHeader('x-a', '2').setHeader('x-b', ['1', '2']);
    res.appendHeader('x-c', '1').appendHeader('x-c', '2');
    res.cookie('theme', 'dark blue', { maxAge: 60, httpOnly: true, sameSite: 'none' });
    return res.text('ok');
  }).request('GET', '/');
  assert.deepEqual([reply.header('x-a'), reply.header('x-b'), reply.header('x-c')], ['2', '1, 2', '1, 2']);
  assert.equal(reply.header('set-cookie'), 'theme=dark%20blue; Path=/; Max-Age=60; SameSite=None; HttpOnly; Secure');
});

test('the request is read in all its parts', () => {
  const app = lifted((req, res) => res.json({
    method: req.method, path: req.path, query: req.query, param: req.param('0'), agent: req.header('User-Agent'),
    missing: req.header('nope') === undefined, cookies: req.cookies, ip: req.ip, body: req.json(), all: req.headers,
  }), { readBody: true });
  const headers = { 'User-Agent': 'test', cookie: ['a=1', 'b=x%20y'] };
  const reply = app.request('POST', '/a/b?x=1&x=2&y=a+b%21&%zz', { headers, json: { deep: [1] }, ip: '::1' });
  assert.deepEqual(reply.json(), {
    method: 'POST', path: '/a/b', query: { x: ['1', '2'], y: 'a b!', '%zz': '' }, param: 'a/b', agent: 'test',
    missing: true, cookies: { a: '1', b: 'x y' }, ip: '::1', body: { deep: [1] },
    all: { 'user-agent': 'test', cookie: 'a=1; b=x%20y' },
  });
});

test('a body that is no JSON is a 400, and one that was not declared an error', () => {
  const read = (req, res) => res.json(req.json());
  assert.equal(lifted(read, { readBody: true }).request('POST', '/', { body: '{' }).status, 400);
  assert.equal(lifted(read).request('POST', '/', { body: '{}' }).error.code, 'E_BODY_NOT_DECLARED');
});

test('an observer may replace the body, and hears of the end', () => {
  const ends = [];
  const app = lifted(undefined, {
    observeResponse: (req, res) => void res.setBody(res.bodyText().toUpperCase()),
    observeFinish: (req, res) => void ends.push([res.statusCode, res.bytesSent, res.completed]),
  });
  assert.equal(app.request('GET', '/', { target: { body: 'home' } }).text, 'HOME');
  assert.deepEqual(ends, [[200, 4, true]]);
});

test('helpers answer with data or with the usual text', () => {
  assert.equal(lifted((req, res) => res.notFound()).request('GET', '/').text, 'Not Found');
  assert.deepEqual(lifted((req, res) => res.badRequest({ a: 1 })).request('GET', '/').json(), { a: 1 });
  assert.equal(lifted((req, res) => res.redirect('/login')).request('GET', '/').status, 302);
  assert.equal(lifted((req, res) => res.redirect('/login', 303)).request('GET', '/').status, 303);
});

test('named routes run where the operator binds them alone', () => {
  const app = lift(hook({ routes: { named: { 'notes/list': (req, res) => res.json([]) } } }));
  assert.equal(app.request('GET', '/notes').status, 404);
  assert.equal(app.action('notes/list', 'GET', '/notes').text, '[]');
});
