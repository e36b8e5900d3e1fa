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
  /** From names in lower case to the lists of their values. */
  #fields = new Map();

  get isEmpty() {
    return this.#fields.size === 0;
  }

  clear() {
    this.#fields.clear();
  }

  has(name) {
    return this.#fields.has(name.toLowerCase());
  }

  /** Adds a field. What could end one early is refused here: in a block the host could no longer tell. */
  append(name, value) {
    const [field, text] = [checkedName(name), checkedValue(name, value)];
    const there = this.#fields.get(field);
    if (there) there.push(text);
    else this.#fields.set(field, [text]);
  }

  /** Puts one value, or a list of them, in place of all of that name. */
  set(name, value) {
    const values = Array.isArray(value) ? value : [value];
    this.#fields.set(checkedName(name), values.map((each) => checkedValue(name, each)));
  }

  remove(name) {
    this.#fields.delete(String(name).toLowerCase());
  }

  bytes() {
    let text = '';
    for (const [name, values] of this.#fields) {
      for (const value of values) text += `${name}: ${value}\r\n`;
    }
    return encode(text);
  }
}

function checkedName(name) {
  if (!NAME.test(name)) throw refused(`not the name of a header: \`${name}\``);
  return name.toLowerCase();
}

function checkedValue(name, value) {
  const text = String(value);
  if (ENDS_A_FIELD.test(text)) throw refused(`header \`${name}\`: line break or NUL in the value`);
  return text;
}

function refused(message) {
  return new HookError(message, { code: 'E_HOOK_BAD_RESPONSE', status: 502 });
}
