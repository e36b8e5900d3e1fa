import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lift } from 'boathook-sdk/testing';

import securityHeaders from './index.js';

const NAMES = ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'strict-transport-security', 'permissions-policy'];

test('they stand on pages, on files and on what is not there', () => {
  const app = lift(securityHeaders);
  for (const { method, path, target } of [
    { method: 'GET', path: '/', target: { body: 'home' } },
    { method: 'HEAD', path: '/app.js', target: {} },
    { method: 'GET', path: '/nowhere' },
  ]) {
    const reply = app.request(method, path, { target });
    assert.deepEqual(NAMES.filter((name) => !reply.header(name)), [], `${method} ${path}`);
  }
});

test('a target cannot weaken them', () => {
  const target = { headers: { 'X-Frame-Options': 'ALLOWALL' }, body: 'home' };
  const reply = lift(securityHeaders).request('GET', '/', { target });
  assert.equal(reply.header('x-frame-options'), 'SAMEORIGIN');
  assert.equal(reply.text, 'home');
});

test('other methods go without', () => {
  const reply = lift(securityHeaders).request('POST', '/', { target: { body: 'done' } });
  assert.deepEqual(reply.headers, {});
});
