// The exchange at hand in a test: what the request holds, and the response in the making.

import { fields } from '../src/headers.js';
import { refused } from './refused.js';

/** Fields of the connection, which no hook may set. */
const CONNECTION = ['connection', 'transfer-encoding', 'content-length', 'host'];

export class Exchange {
  step = 'route';
  status = 200;
  fields = [];
  body = Buffer.alloc(0);
  params = [];
  options = {};
  readsBody = false;

  constructor(method, path, options) {
    const at = path.indexOf('?');
    this.method = method.toUpperCase();
    this.path = at < 0 ? path : path.slice(0, at);
    this.query = at < 0 ? '' : path.slice(at + 1);
    this.ip = options.ip ?? '127.0.0.1';
    this.protocol = options.protocol ?? 'http';
    this.requestFields = pairs(options.headers);
    this.requestBody = Buffer.from(options.json === undefined ? (options.body ?? '') : JSON.stringify(options.json));
    this.locals = structuredClone(options.locals ?? {});
    this.session = structuredClone(options.session ?? {});
    this.flashes = {};
    this.target = options.target;
  }

  /** A dot inside the last segment. */
  get looksLikeAsset() {
    return /[^/]\.[^/]+$/.test(this.path);
  }

  /** All values of a header of the response. */
  header(name) {
    return valuesOf(this.fields, name);
  }

  headerObject() {
    return Object.fromEntries(this.fields.map(([name]) => [name, this.fields
      .filter(([other]) => other === name).map(([, value]) => value.toString('latin1')).join(', ')]));
  }

  /** For each name in the block: its values in place of those that are there. */
  setFields(block) {
    const fresh = checked(block);
    this.fields = this.fields.filter(([name]) => !fresh.some(([other]) => other === name)).concat(fresh);
  }

  appendFields(block) {
    this.fields = this.fields.concat(checked(block));
  }

  removeField(name) {
    this.fields = this.fields.filter(([other]) => other !== name.toLowerCase());
  }

  /** The target's status wins and so do its headers, but for `set-cookie`, which adds. */
  answerAsTarget() {
    if (!this.target) return false;
    const { status = 200, headers, body = '' } = this.target;
    const own = pairs(headers);
    const stays = ([name]) => name === 'set-cookie' || !own.some(([other]) => other === name);
    this.fields = this.fields.filter(stays).concat(own);
    this.status = status;
    this.body = Buffer.from(body);
    return true;
  }

  answerAsError(status, text) {
    this.status = status;
    this.body = Buffer.from(text);
  }
}

/** Fields of an object; a list is several of one name. */
export function pairs(headers = {}) {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name.toLowerCase(), Buffer.from(value)]));
}

/** The values of a name; `undefined` where there is none. */
export function valuesOf(list, name) {
  const found = list.filter(([other]) => other === name.toLowerCase()).map(([, value]) => value);
  return found.length > 0 ? found : undefined;
}

function checked(block) {
  const list = fields(Buffer.from(block));
  const wrong = list.find(([name]) => CONNECTION.includes(name));
  if (wrong) throw refused('E_HOOK_BAD_RESPONSE', `header \`${wrong[0]}\` belongs to the connection`, 502);
  return list.map(([name, value]) => [name, Buffer.from(value)]);
}
