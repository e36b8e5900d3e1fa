import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode, encode } from '../src/bytes.js';

/** Runs a test by the engine's own functions, which QuickJS has and Node.js 20 has not, and without them. */
function testBoth(name, work) {
  test(name, work);
  test(`${name}, by base64`, () => {
    const own = [Uint8Array.fromBase64, Uint8Array.prototype.toBase64];
    Uint8Array.fromBase64 = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
    Uint8Array.prototype.toBase64 = function toBase64() {
      return Buffer.from(this).toString('base64');
    };
    try {
      work();
    } finally {
      [Uint8Array.fromBase64, Uint8Array.prototype.toBase64] = own;
    }
  });
}

testBoth('text goes to bytes and back as UTF-8', () => {
  for (const text of ['', 'plain', 'é', '漢字', 'smile 😀', '\u0000\u007f\u0080\u07ff\u0800\uffff', 'x'.repeat(10_000)]) {
    assert.deepEqual(Buffer.from(encode(text)), Buffer.from(text));
    assert.equal(decode(encode(text)), text);
  }
});

testBoth('half of a pair becomes the replacement character', () => {
  assert.deepEqual(Buffer.from(encode('a\ud800b')), Buffer.from('a\ufffdb'));
});

testBoth('bytes that are not UTF-8 are replaced, or refused where that is asked for', () => {
  for (const bytes of [[0x61, 0xff, 0x62], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe6, 0xbc], [0xf5, 0x80, 0x80, 0x80]]) {
    const given = Uint8Array.from(bytes);
    assert.ok(decode(given).includes('\ufffd'), String(bytes));
    assert.equal(decode(given, { strict: true }), undefined);
  }
  assert.equal(decode(Uint8Array.from([0x61, 0xff, 0xc3, 0xa9])), 'a\ufffdé');
});

test('bytes stay what they are', () => {
  const bytes = Uint8Array.of(1, 2);
  assert.equal(encode(bytes), bytes);
  assert.deepEqual(encode(bytes.buffer), bytes);
});
