import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lift } from 'boathook-sdk/testing';

import rateLimit from './index.js';

const post = (app, ip) => app.request('POST', '/x', { ip });

test('the request over the limit is a 429 until the window is over', (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const app = lift(rateLimit, {}, { name: 'rate-limit' });
  for (let count = 0; count < 100; count++) assert.equal(post(app, '10.0.0.1').outcome, 'next');
  const reply = post(app, '10.0.0.1');
  assert.equal(reply.status, 429);
  assert.deepEqual(reply.json(), { error: 'Too many requests' });
  assert.equal(post(app, '10.0.0.2').outcome, 'next');
  context.mock.timers.tick(60_001);
  assert.equal(post(app, '10.0.0.1').outcome, 'next');
});

test('the operator sets the limit, and reading is free', () => {
  const app = lift(rateLimit, { 'rate-limit': { 'max-requests': 0 } }, { name: 'rate-limit' });
  assert.equal(post(app, '10.0.0.1').status, 429);
  assert.equal(app.request('GET', '/x').outcome, 'next');
});

test('the counts go on when another version takes over', () => {
  const app = lift(rateLimit, { 'rate-limit': { 'max-requests': 1 } }, { name: 'rate-limit' });
  assert.equal(post(app, '10.0.0.1').outcome, 'next');
  assert.equal(post(app.swap(), '10.0.0.1').status, 429);
});
