// Reads and writes header blocks: `name: value` and CRLF, one field after the other.

import { decode, encode } from './bytes.js';
import { HookError } from './error.js';

// eslint-disable-next-line no-control-regex
const NAME = /^[\x21-\x39\x3b-\x7e]+$/;
// eslint-disable-next-line no-control-regex
const ENDS_A_FIELD = /[\r\n\0]/;

/** The fields of a block, in order, as pairs of a name in lower case and a value. */
export function fields(block) {
  const lines = decode(block).split('\n');
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]];
  });
}

/** The fields as an object; where one has several values they are joined, as HTTP allows. */
export function object(block) {
  const all = {};
  for (const [name, value] of fields(block)) {
    const joint = name === 'cookie' ? '; ' : ', ';
    all[name] = Object.hasOwn(all, name) ? all[name] + joint + value : value;
  }
  return all;
}

/** A block in the making. */
export class Block {
  #fields = [];

  get isEmpty() {
    return this.#fields.length === 0;
  }

  clear() {
    this.#fields = [];
  }

  has(name) {
    const wanted = name.toLowerCase();
    return this.#fields.some((field) => field.name === wanted);
  }

  /** Adds a field. What could end one early is refused here: in a block the host could no longer tell. */
  append(name, value) {
    const [field, text] = [String(name).toLowerCase(), String(value)];
    if (!NAME.test(field)) throw refused(`not the name of a header: \`${name}\``);
    if (ENDS_A_FIELD.test(text)) throw refused(`header \`${name}\`: line break or NUL in the value`);
    this.#fields.push({ name: field, value: text });
  }

  /** Puts one value, or a list of them, in place of all of that name. */
  set(name, value) {
    this.remove(name);
    for (const each of Array.isArray(value) ? value : [value]) this.append(name, each);
  }

  remove(name) {
    const wanted = String(name).toLowerCase();
    this.#fields = this.#fields.filter((field) => field.name !== wanted);
  }

  bytes() {
    return encode(this.#fields.map(({ name, value }) => `${name}: ${value}\r\n`).join(''));
  }
}

function refused(message) {
  return new HookError(message, { code: 'E_HOOK_BAD_RESPONSE', status: 502 });
}
