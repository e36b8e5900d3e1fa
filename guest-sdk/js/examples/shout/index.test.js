import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lift } from 'boathook-sdk/testing';

import shout from './index.js';

const said = (name, config) => lift(shout, config, { name }).request('GET', '/shout').text;

test('the default stands until the operator says otherwise', () => {
  assert.equal(said('shout', {}), 'make it rain\n');
  assert.equal(said('shout', { shout: { phrase: 'yolo' } }), 'yolo\n');
});

test('the settings follow the config key', () => {
  assert.equal(said('loud', { loud: { phrase: 'hey' } }), 'hey\n');
  assert.equal(said('loud', { shout: { phrase: 'hey' } }), 'make it rain\n');
});
