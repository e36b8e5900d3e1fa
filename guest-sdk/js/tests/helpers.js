// What the SDK's tests share.

import { hook } from '../src/index.js';
import { lift } from '../testing/index.js';

/** A hook with one handler for everything, lifted. */
export function lifted(handle, more = {}, options = {}) {
  return lift(hook({ routes: { before: { 'ALL /*': { handle, keepAssets: true, ...more } } } }), {}, options);
}
