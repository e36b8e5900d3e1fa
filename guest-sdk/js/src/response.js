// Gathers what a handler says of the response, and hands it over in few crossings.
//
// Setters do not cross into the host. At the end, or where a getter needs the host's view, what was
// gathered crosses: the status if it was set, all headers as one block, the body.

import { decode, encode } from './bytes.js';
import { cookie } from './cookie.js';
import { Block, object } from './headers.js';
import { ask, host, text } from './host.js';
import { RESPOND } from './outcome.js';

export class Response {
  #status;
  #set = new Block();
  #appended = new Block();
  #body = [];
  #replaces = false;
  #step;

  /** `step` keeps how the handler's step ends. */
  constructor(step) {
    this.#step = step;
  }

  status(status) {
    this.#status = status;
    return this;
  }

  setHeader(name, value) {
    // The host sees blocks, not their order: what was appended before this goes ahead.
    if (!this.#appended.isEmpty) this.handOver(false);
    this.#set.set(name, value);
    return this;
  }

  setHeaders(headers) {
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    return this;
  }

  appendHeader(name, value) {
    this.#appended.append(name, value);
    return this;
  }

  removeHeader(name) {
    this.#set.remove(name);
    this.#appended.remove(name);
    ask(() => host.response.removeHeader(name));
    return this;
  }

  type(type) {
    return this.setHeader('content-type', type);
  }

  cookie(name, value, options) {
    return this.appendHeader('set-cookie', cookie(name, value, options));
  }

  clearCookie(name, options) {
    return this.cookie(name, '', { ...options, maxAge: 0 });
  }

  setBody(body) {
    this.#body = [encode(body)];
    this.#replaces = true;
    return this;
  }

  write(chunk) {
    this.#body.push(encode(chunk));
    return this;
  }

  send(body) {
    this.setBody(body);
    return this.#answered();
  }

  text(body) {
    return this.#default('text/plain; charset=utf-8').send(body);
  }

  html(body) {
    return this.#default('text/html; charset=utf-8').send(body);
  }

  json(data) {
    return this.#default('application/json; charset=utf-8').send(text(data));
  }

  redirect(location, status = this.#status) {
    const wanted = status >= 300 && status < 400 ? status : null;
    return this.#helper(() => host.response.redirect(location, wanted));
  }

  ok(data) {
    return this.#helper(() => host.response.ok(optional(data)));
  }

  badRequest(data) {
    return this.#helper(() => host.response.badRequest(optional(data)));
  }

  unauthorized(data) {
    return this.#helper(() => host.response.unauthorized(optional(data)));
  }

  forbidden(data) {
    return this.#helper(() => host.response.forbidden(optional(data)));
  }

  notFound(data) {
    return this.#helper(() => host.response.notFound(optional(data)));
  }

  serverError(data) {
    return this.#helper(() => host.response.serverError(optional(data)));
  }

  get statusCode() {
    return this.#status ?? host.response.status();
  }

  header(name) {
    this.handOver(false);
    const bytes = host.response.header(name);
    return bytes == null ? undefined : decode(bytes, { strict: true });
  }

  get headers() {
    this.handOver(false);
    return object(host.response.headers());
  }

  bytes() {
    this.handOver(true);
    return ask(() => host.response.body());
  }

  bodyText() {
    return decode(this.bytes());
  }

  /** Hands what was gathered to the host. */
  handOver(withBody) {
    if (this.#status !== undefined) {
      const status = this.#status;
      this.#status = undefined;
      ask(() => host.response.setStatus(status));
    }
    this.#cross(this.#set, (block) => host.response.setHeaders(block));
    this.#cross(this.#appended, (block) => host.response.appendHeaders(block));
    if (!withBody) return;
    const [body, replaces] = [this.#body, this.#replaces];
    this.#forgetBody();
    for (const [at, chunk] of body.entries()) {
      const set = replaces && at === 0 ? 'setBody' : 'writeBody';
      ask(() => host.response[set](chunk));
    }
  }

  #cross(block, call) {
    if (block.isEmpty) return;
    const bytes = block.bytes();
    block.clear();
    ask(() => call(bytes));
  }

  #default(type) {
    return this.#set.has('content-type') ? this : this.type(type);
  }

  /** A helper of the host's sets status and body itself. */
  #helper(call) {
    this.#status = undefined;
    this.#forgetBody();
    this.handOver(false);
    ask(call);
    return this.#answered();
  }

  #forgetBody() {
    this.#body = [];
    this.#replaces = false;
  }

  #answered() {
    this.#step.outcome = RESPOND;
    return RESPOND;
  }
}

function optional(data) {
  return data == null ? null : text(data);
}
