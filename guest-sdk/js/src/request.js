// Reads the request of the exchange at hand. Each getter asks the host for that one thing.

import { decode, encode } from './bytes.js';
import { HookError } from './error.js';
import { object } from './headers.js';
import { ask, host, text, value } from './host.js';
import { session } from './session.js';

export class Request {
  get method() {
    return host.request.method();
  }

  get path() {
    return host.request.path();
  }

  get queryString() {
    return host.request.query();
  }

  /** The query as an object; a name that stands there several times has a list. */
  get query() {
    const all = {};
    for (const pair of this.queryString.split('&').filter(Boolean)) {
      const at = pair.indexOf('=');
      const [name, found] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      const key = unescaped(name);
      const own = Object.hasOwn(all, key) ? [].concat(all[key], unescaped(found)) : unescaped(found);
      // A plain assignment of `__proto__` would set the prototype.
      Object.defineProperty(all, key, { value: own, enumerable: true, configurable: true, writable: true });
    }
    return all;
  }

  param(name) {
    return host.request.param(name) ?? undefined;
  }

  get params() {
    return Object.fromEntries(host.request.params());
  }

  header(name) {
    const bytes = host.request.header(name);
    return bytes == null ? undefined : decode(bytes, { strict: true });
  }

  headerBytes(name) {
    return host.request.header(name) ?? undefined;
  }

  get headers() {
    return object(host.request.headers());
  }

  cookie(name) {
    return host.request.cookie(name) ?? undefined;
  }

  get cookies() {
    return Object.fromEntries(host.request.cookies());
  }

  get ip() {
    return host.request.ip();
  }

  get protocol() {
    return host.request.protocol();
  }

  get id() {
    return host.request.id();
  }

  get options() {
    return value(host.request.options());
  }

  get session() {
    return session;
  }

  bytes() {
    return ask(() => host.request.body());
  }

  text() {
    return decode(this.bytes());
  }

  json() {
    const body = this.text();
    try {
      return JSON.parse(body);
    } catch (error) {
      throw HookError.badRequest(`body: ${error.message}`);
    }
  }

  local(name) {
    return value(host.request.local(name));
  }

  get locals() {
    return value(host.request.locals());
  }

  setLocal(name, data) {
    ask(() => host.request.setLocal(name, text(data)));
  }

  setHeader(name, data) {
    ask(() => host.request.setHeader(name, encode(data)));
  }

  removeHeader(name) {
    ask(() => host.request.removeHeader(name));
  }

  setPath(path) {
    ask(() => host.request.setPath(path));
  }

  setQuery(query) {
    ask(() => host.request.setQuery(query));
  }

  setBody(body) {
    ask(() => host.request.setBody(encode(body)));
  }
}

/** Decodes `%xx` and `+`; what is not UTF-8 stays as it was sent. */
export function unescaped(part) {
  const spaced = part.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return spaced;
  }
}
