// Asks other servers, as far as the operator grants it. The call waits for the answer: no promise.

import { decode, encode } from './bytes.js';
import { HookError } from './error.js';
import { Block, object } from './headers.js';
import { ask, host, text } from './host.js';

const NOTHING = new Uint8Array();

class FetchResponse {
  #parts;

  constructor(parts) {
    this.#parts = parts;
  }

  get status() {
    return this.#parts.status;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  get url() {
    return this.#parts.url;
  }

  get headers() {
    return object(this.#parts.headers);
  }

  header(name) {
    return this.headers[name.toLowerCase()];
  }

  bytes() {
    return this.#parts.body;
  }

  text() {
    return decode(this.#parts.body);
  }

  json() {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      const message = `the answer of ${this.url} is not what was expected: ${error.message}`;
      throw new HookError(message, { code: 'E_FETCH_BODY', status: 502 });
    }
  }

  successful() {
    if (this.ok) return this;
    const message = `${this.url} answered with status ${this.status}`;
    throw new HookError(message, { code: 'E_FETCH_STATUS', status: 502 });
  }
}

/** Sends a request and waits for the whole answer. */
export function fetch(url, { method = 'GET', headers = {}, body, json, redirects, timeout } = {}) {
  const block = new Block();
  for (const [name, value] of Object.entries(headers)) block.set(name, value);
  if (json !== undefined && !block.has('content-type')) block.set('content-type', 'application/json');
  const payload = json === undefined ? body : text(json);
  const request = {
    method: method.toUpperCase(),
    url: String(url),
    headers: block.bytes(),
    body: payload === undefined ? NOTHING : encode(payload),
    options: text({ redirects, timeout }),
  };
  return new FetchResponse(ask(() => host.fetch.send(request)));
}
