import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lift } from 'boathook-sdk/testing';

import hello from './index.js';

test('it answers on its own path alone', () => {
  const app = lift(hello);
  const reply = app.request('GET', '/hello');
  assert.equal(reply.status, 200);
  assert.equal(reply.text, 'Hello from a hook!\n');
  assert.equal(reply.header('content-type'), 'text/plain; charset=utf-8');
  assert.deepEqual([app.request('GET', '/elsewhere').outcome, app.request('GET', '/elsewhere').status], ['next', 404]);
});
