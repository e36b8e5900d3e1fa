import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lift } from 'boathook-sdk/testing';

import hook from './index.js';

test('it greets, as the operator wishes', () => {
  const app = lift(hook, { 'my-hook': { greeting: 'Ahoy' } }, { name: 'my-hook' });
  assert.equal(app.request('GET', '/my-hook').text, 'Ahoy from my-hook!\n');
});
