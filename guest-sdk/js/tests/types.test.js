import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { generate } from '../tools/wit-types.js';

test('the checked-in types are what wit/ says today', () => {
  const checkedIn = readFileSync(new URL('../types/wit.d.ts', import.meta.url), 'utf8');
  assert.ok(checkedIn === generate(), 'types/wit.d.ts is not what wit/ says\nhint: npm run types');
});

test('every function of every interface is there', () => {
  const types = generate();
  for (const said of ['kv@0.1.0', 'export function compareAndSet(', 'export { _delete as delete }', "| 'next-route'",
    "| { tag: 'named'; val: string }", 'observeFinish?: boolean', 'leftMs: number | null', 'params(): [string, string][]']) {
    assert.ok(types.includes(said), said);
  }
});
