// Turns text into UTF-8 and back, without TextEncoder, which QuickJS does not have.

// eslint-disable-next-line no-control-regex
const WIDE = /[^\x00-\x7f]/;

/** The bytes of a text; bytes stay what they are. */
export function encode(data) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  const text = String(data);
  return WIDE.test(text) ? encodeWide(text) : fromLatin1(text);
}

/** One byte a character. */
function fromLatin1(text) {
  // Two functions of the engine's are forty times as fast as a loop in QuickJS.
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(btoa(text));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function encodeWide(text) {
  const bytes = [];
  for (const character of text) {
    let point = character.codePointAt(0);
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd; // half of a pair
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), tail(point));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), tail(point >> 6), tail(point));
    else bytes.push(0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point));
  }
  return Uint8Array.from(bytes);
}

function tail(bits) {
  return 0x80 | (bits & 0x3f);
}

/** The text of bytes. With `strict`, `undefined` where they are not UTF-8; else `\ufffd` for what is not. */
export function decode(bytes, { strict = false } = {}) {
  const units = latin1(bytes);
  if (!WIDE.test(units)) return units;
  try {
    // Each byte becomes `%xx`, which the engine decodes, and refuses where it is not UTF-8.
    return decodeURIComponent(escape(units));
  } catch {
    return strict ? undefined : lossy(units);
  }
}

/** The text with one character a byte. */
export function latin1(bytes) {
  if (bytes.toBase64) return atob(bytes.toBase64());
  let text = '';
  // In pieces: as arguments of one call there is a bound to their number.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 4096));
  }
  return text;
}

/** A character is a lead byte with its followers, or any byte by itself. */
const CHARACTER = /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[^]/g;

function lossy(units) {
  return units.replace(CHARACTER, (found) => {
    try {
      return decodeURIComponent(escape(found));
    } catch {
      return '\ufffd';
    }
  });
}
