// What a hook in JavaScript or TypeScript imports from `boathook-sdk`.

/** Whatever JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What can stand as a body: text in UTF-8, or bytes. */
export type Bytes = string | Uint8Array | ArrayBuffer;

/**
 * How a handler's step ends. `next` and what answers (`res.json(..)`, `res.redirect(..)`) return one, so that
 * a handler can return it; what counts is that they were called, and which of them last.
 */
export type Outcome = 'next' | 'next-route' | 'respond';

/**
 * Goes on with the next step of the chain; `next('route')` passes over what else is bound at this very
 * binding. Anything else is thrown: an error response.
 */
export interface Next {
  (): Outcome;
  (how: 'route'): Outcome;
  (error: Error): never;
}

/** Handles a request that reached a route. It ends with `return next()` or with an answer. */
export type Handler = (req: Request, res: Response, next: Next) => Outcome | void;

/** A route with more than a handler. */
export interface Route {
  /** Handles the request. Without it a request goes on, and the route is there for its observers. */
  handle?: Handler;
  /** Reads the request's body: without it `req.bytes`, `req.text` and `req.json` throw. */
  readBody?: boolean;
  /** Passes over paths that look like a file, such as `/app.js`. */
  skipAssets?: boolean;
  /** Takes such paths too, where by default it would not. */
  keepAssets?: boolean;
  /** What `req.options` hands out. */
  options?: { [key: string]: Json };
  /**
   * Sees the response before it is sent, whoever made it: 404s and errors too. It may change status, headers
   * and body. State travels from the handler to here by `req.setLocal`, as it may be another instance.
   */
  observeResponse?: (req: Request, res: Response) => void;
  /** Hears that the response is out. No client waits for this. */
  observeFinish?: (req: Request, res: Finish) => void;
}

/** Routes by their address: `[verb ]path` as in Sails, `GET /users/:id`, `/*`, `ALL /admin/*`. */
export type Addresses = Record<string, Handler | Route | (Handler | Route)[]>;

/** A hook's routes, in the order in which they are to match. */
export interface Routes {
  /** Ahead of the app's own routes. */
  before?: Addresses;
  /** Behind them: these see what nobody has answered yet. */
  after?: Addresses;
  /** Where the operator binds them, by `[[routes]] hook = "...", action = "..."`: by name, not by address. */
  named?: Addresses;
}

/** What other hooks may call. The request is that of the caller, where there is one. */
export type Method = (args: any, req: Request) => unknown;

/**
 * A hook: the verbs that it needs. The order is a promise: `defaults` of all hooks, then `configure` of all,
 * then `initialize` of all, then `routes`. A hook that runs in several instances goes through them in each.
 *
 * Nothing here is async: what has to wait (`fetch`, `kv`, `events.wait`) waits by itself, and suspends the hook.
 */
export interface Definition {
  /**
   * The settings that the operator need not write; the root key `__configKey__` stands for the hook's own.
   * A function is given the operator's whole configuration.
   */
  defaults?: { [key: string]: Json } | ((overrides: any) => { [key: string]: Json });
  /** The time to derive settings from settings, with `config.set`, which works here alone. */
  configure?(): void;
  /** The time to prepare: read settings, publish data, wait for other hooks. */
  initialize?(): void;
  /** The opposite of `initialize`. Called once when the server stops. */
  lower?(): void;
  /** The hook's routes; a function is called after `initialize`. Every instance must give the same. */
  routes?: Routes | (() => Routes);
  /** What other hooks may call, by name; with a summary for `boathook inspect`, if there is one. */
  methods?: Record<string, Method | { summary: string; call: Method }>;
  /** An event fired that `events.subscribe` asked for. */
  handleEvent?(event: string, payload: any): void;
  /** A task that `tasks.defer` handed over. Of a durable one that has failed again; `attempt` is 1 the first time. */
  handleTask?(name: string, payload: any, attempt: number): void;
  /** One of the times of a schedule that the manifest names: `ticks = [{ name = "clean-up", every = "5m" }]`. */
  handleTick?(name: string): void;
  /**
   * What the hook that comes in this one's place, while the server runs, is to know: up to 1 MiB of JSON, or
   * `undefined`. In mode `single` the one instance is asked, in mode `pooled` any.
   */
  beforeSwap?(): Json | undefined;
  /**
   * What the generation before handed out, if it did: after `initialize`, before the first request. It may be of an
   * older or a newer version: pass over what cannot be read. An error refuses this version.
   */
  afterSwap?(value: any): void;
}

/** What `hook` makes. */
export interface Hook {
  readonly [made: symbol]: unknown;
}

/**
 * Makes a hook. Give it a function, or a class, and each instance has a state of its own:
 *
 * ```js
 * export default hook(() => {
 *   let count = 0;
 *   return { routes: { after: { 'GET /count': (req, res) => res.json(++count) } } };
 * });
 * ```
 *
 * What stands at the top of the module runs when the hook is built, once.
 */
export function hook(definition: Definition | (() => Definition) | (new () => Definition)): Hook;

/** The request. A getter asks the host for that one thing, so a hook pays for what it reads. */
export interface Request {
  /** In capitals: `GET`. */
  readonly method: string;
  /** The path, without the query. */
  readonly path: string;
  /** What stood behind the `?`, undecoded; empty where nothing did. */
  readonly queryString: string;
  /** The query, decoded; a name that stands there several times has a list. */
  readonly query: Record<string, string | string[]>;
  /** All parameters of the route's address, decoded; `0` for the first `*`. */
  readonly params: Record<string, string>;
  /** All headers, by their names in lower case. */
  readonly headers: Record<string, string>;
  /** All cookies, decoded. */
  readonly cookies: Record<string, string>;
  /** Who asks: the address of the peer, or what a trusted proxy says it is. */
  readonly ip: string;
  /** `http` or `https`. */
  readonly protocol: string;
  /** The request's id, as it stands in the log. */
  readonly id: string;
  /** The options of all routes that this request matches. */
  readonly options: { [key: string]: any };
  /** All locals. */
  readonly locals: { [key: string]: any };
  /** The client's session, by the grant `session = true`. */
  readonly session: Session;
  /** One parameter of the route's address, decoded. */
  param(name: string): string | undefined;
  /** One header; `undefined` where it is missing or is not UTF-8. */
  header(name: string): string | undefined;
  /** The same as the bytes that it is. */
  headerBytes(name: string): Uint8Array | undefined;
  /** One cookie, decoded. */
  cookie(name: string): string | undefined;
  /** The body. The route must say `readBody`. Over `limits.body` it throws an error with status 413. */
  bytes(): Uint8Array;
  /** The body as text. */
  text(): string;
  /** The body, read as JSON; what is none is an error with status 400. */
  json(): any;
  /** One local: a value that belongs to this exchange, for the hooks that follow and for observers. */
  local(name: string): any;
  /** Sets a local. Observers of responses may, too. */
  setLocal(name: string, data: unknown): void;
  /** Replaces all values of one header, for what follows in the chain. */
  setHeader(name: string, value: Bytes): void;
  /** Removes all values of one header, for what follows. */
  removeHeader(name: string): void;
  /** Replaces the path. What follows in the chain is matched anew. */
  setPath(path: string): void;
  /** Replaces the query, for what follows; given without the `?`. */
  setQuery(query: string): void;
  /** Replaces the body, for what follows. */
  setBody(body: Bytes): void;
}

/** How a cookie is set. */
export interface CookieOptions {
  /** The paths that it is sent to; `/` by default. */
  path?: string;
  /** The hosts that it is sent to. */
  domain?: string;
  /** How long it lives, in seconds; for the browser's session by default. */
  maxAge?: number;
  /** Hides it from scripts. */
  httpOnly?: boolean;
  /** Sends it over https alone; `none` does so anyhow. */
  secure?: boolean;
  /** Whether it is sent along from other sites. */
  sameSite?: 'strict' | 'lax' | 'none';
}

/**
 * The response. What is set ahead of `next()` stays, but for a body; where the app's target answers then, its
 * status and its headers of the same name win. What must win is set in `observeResponse`.
 *
 * What HTTP does not allow, such as a line break in a header, is thrown, with the code `E_HOOK_BAD_RESPONSE`.
 */
export interface Response {
  /** Sets the status, 200 to 599. */
  status(status: number): this;
  /** Replaces all values of one header, by one value or by a list of them. */
  setHeader(name: string, value: string | string[]): this;
  /** The same for each key. */
  setHeaders(headers: Record<string, string | string[]>): this;
  /** Adds a value to those that are there. */
  appendHeader(name: string, value: string): this;
  /** Removes all values of one header. */
  removeHeader(name: string): this;
  /** Sets the content type. */
  type(type: string): this;
  /** Adds a `set-cookie`; name and value are percent-encoded where they have to be. */
  cookie(name: string, value: string, options?: CookieOptions): this;
  /** Makes the browser forget a cookie. */
  clearCookie(name: string, options?: CookieOptions): this;
  /** Sets the whole body, and goes on. */
  setBody(body: Bytes): this;
  /** Adds to the body, and goes on. */
  write(chunk: Bytes): this;
  /** Answers with this body; the content type is the one that was set. */
  send(body: Bytes): Outcome;
  /** Answers with text. */
  text(body: string): Outcome;
  /** Answers with HTML. */
  html(body: string): Outcome;
  /** Answers with JSON. Status and content type are those that were set. */
  json(data: unknown): Outcome;
  /** Sends the client elsewhere: with this status if it is 300 to 399, else with 302. */
  redirect(location: string, status?: number): Outcome;
  /** 200 with this as JSON. For this helper and those below: without data the body is the status' usual text. */
  ok(data?: unknown): Outcome;
  /** 400 with this as JSON. */
  badRequest(data?: unknown): Outcome;
  /** 401 with this as JSON. */
  unauthorized(data?: unknown): Outcome;
  /** 403 with this as JSON. */
  forbidden(data?: unknown): Outcome;
  /** 404 with this as JSON. */
  notFound(data?: unknown): Outcome;
  /** 500, with this as JSON in development and without it elsewhere. */
  serverError(data?: unknown): Outcome;
  /** The status as it stands. */
  readonly statusCode: number;
  /** All headers as they stand, by their names in lower case. */
  readonly headers: Record<string, string>;
  /** One header as it stands; its values joined by `, `. */
  header(name: string): string | undefined;
  /**
   * The body as it stands. In an observer the host gathers it from whoever answers; over `limits.body`, and
   * for an event stream, this throws, and the body flows on untouched.
   */
  bytes(): Uint8Array;
  /** The same as text. */
  bodyText(): string;
}

/** The response when it is out. */
export interface Finish {
  /** The status that was sent. */
  readonly statusCode: number;
  /** Bytes of body that went to the client. */
  readonly bytesSent: number;
  /** Milliseconds from the request's head to the last byte. */
  readonly elapsed: number;
  /** Whether the client received everything. */
  readonly completed: boolean;
  /** One header that was sent. */
  header(name: string): string | undefined;
}

/** Values that last from one request of a client to the next. */
export interface Session {
  /** The value of a key. */
  get(key: string): any;
  /** All keys with their values. */
  all(): { [key: string]: any };
  /** Sets the value of a key. Where there was no session, one begins. */
  set(key: string, data: unknown): void;
  /** Removes a key. */
  delete(key: string): void;
  /** Ends the session, and takes the cookie away from the client. */
  destroy(): void;
  /** Gives the session a new id. Call it where a user logs in. */
  regenerate(): void;
  /** Leaves a value that is there until `readFlash` takes it, most often at the next request. */
  flash(key: string, data: unknown): void;
  /** Takes a flash out. */
  readFlash(key: string): any;
}

/** What an error may say besides its message. */
export interface ErrorOptions {
  /** The status that the client gets, 400 to 599; 500 by default. */
  status?: number;
  /** For programs: `E_` and capitals by custom. */
  code?: string;
  /** More for the log. A client sees it in development alone. */
  details?: unknown;
}

/**
 * An error that says which response it makes. A client sees the message where the status is 400 to 499.
 * Any other error that a hook throws is a 500. What the host refuses is thrown as one of these.
 */
export class HookError extends Error {
  constructor(message: string, options?: ErrorOptions);
  readonly status?: number;
  readonly code: string;
  readonly details?: any;
  /** 400. */
  static badRequest(message: string, more?: ErrorOptions): HookError;
  /** 401. */
  static unauthorized(message: string, more?: ErrorOptions): HookError;
  /** 403. */
  static forbidden(message: string, more?: ErrorOptions): HookError;
  /** 404. */
  static notFound(message: string, more?: ErrorOptions): HookError;
}

/** The configuration: the operator's, with the hooks' defaults under it. */
export const config: {
  /** The value at a dotted path; `undefined` where there is nothing. Without a path: all of it. */
  get(path?: string): any;
  /** Sets a value under this hook's own key or under `custom`, in `configure` alone. */
  set(path: string, data: unknown): void;
  /** This hook's own settings, an empty object where there are none; with a path, one of them. */
  own(path?: string): any;
  /** Sets one of this hook's own settings, in `configure` alone. */
  setOwn(path: string, data: unknown): void;
  /** Where this hook's own settings live: the key in place of `__configKey__`. */
  key(): string;
};

/** Events between hooks and the server. */
export const events: {
  /** Fires an event. */
  emit(event: string, payload?: unknown): void;
  /** Returns when each of these events has fired. For `initialize` alone. */
  wait(...events: string[]): void;
  /** Has the event delivered to `handleEvent`. For `configure` and `initialize`. */
  subscribe(event: string): void;
};

/** The other hooks. */
export const hooks: {
  /** The names of all hooks that run, in hook order. */
  names(): string[];
  /** Makes data public under this hook's name. For `initialize` alone. */
  publish(key: string, data: unknown): void;
  /** What another hook made public; `undefined` where it did not. */
  data(hook: string, key: string): any;
  /** Calls a method of a hook that is named in this one's `after`, and returns what that returned. */
  call(hook: string, method: string, args?: unknown): any;
};

/** Work for when no client waits for it any more. */
export const tasks: {
  /**
   * Has `handleTask` called with this after the response, or once the call is over: once at most. One that is
   * `durable` takes the grant `tasks = true`, outlives the server, and is tried again until it succeeds. `delay` is in
   * milliseconds.
   */
  defer(name: string, payload?: unknown, options?: { durable?: boolean; delay?: number }): void;
};

/** Secrets, by grant. */
export const secrets: {
  /** The text of a secret. */
  get(name: string): string;
};

/** Writes a line; a message that is a function is asked for one if such lines are written at all. */
export type LogLine = (message: string | (() => string), fields?: { [key: string]: unknown }) => void;

/** The server's log, by Sails' levels. `console` writes here too. */
export const log: {
  silly: LogLine;
  verbose: LogLine;
  info: LogLine;
  debug: LogLine;
  warn: LogLine;
  error: LogLine;
  /** Whether lines of this level are written at all. */
  enabled(level: 'silly' | 'verbose' | 'info' | 'debug' | 'warn' | 'error'): boolean;
};

/** When a value expires: milliseconds from now; never by default. */
export interface Expiry {
  expiresIn?: number;
}

/** Keys and values, by the grant `kv = ["name"]`. Each call is one atomic step. Values are JSON. */
export interface Namespace {
  /** The value of a key; `undefined` where there is none. */
  get(key: string): any;
  /** Sets a value. */
  set(key: string, data: unknown, expiry?: Expiry): void;
  /** The bytes of a value. */
  getBytes(key: string): Uint8Array | undefined;
  /** Sets a value to bytes. */
  setBytes(key: string, bytes: Uint8Array, expiry?: Expiry): void;
  /** Removes a value, and says whether there was one. */
  delete(key: string): boolean;
  /** If the bytes that are there are `old`, sets them to `fresh`; `undefined` is nothing. Says whether it did. */
  compareAndSet(key: string, old: Uint8Array | undefined, fresh: Uint8Array | undefined, expiry?: Expiry): boolean;
  /** Makes a value of the one that is there, again if somebody else changes it meanwhile, and returns it. */
  update<T>(key: string, change: (old: any) => T, expiry?: Expiry): T;
  /** Adds to a number that begins at zero, and again so whenever `window` milliseconds are over. */
  increment(key: string, by?: number, options?: { window?: number }): { value: number; left?: number };
  /** The keys that begin with a prefix, in no promised order. */
  keys(prefix?: string): Generator<string, void>;
}

/** The namespace of this name. */
export function kv(namespace: string): Namespace;

/** What is sent. */
export interface FetchOptions {
  /** `GET` by default. */
  method?: string;
  /** `host` and what belongs to the connection are the server's. */
  headers?: Record<string, string>;
  /** The body. */
  body?: Bytes;
  /** The body as JSON, in place of `body`. */
  json?: unknown;
  /** How many redirects to follow, 20 at most; none by default. */
  redirects?: number;
  /** Gives up after so many milliseconds. */
  timeout?: number;
}

/** What came back. */
export interface FetchResponse {
  readonly status: number;
  /** Whether the status is 200 to 299. */
  readonly ok: boolean;
  /** Who answered in the end. */
  readonly url: string;
  readonly headers: Record<string, string>;
  header(name: string): string | undefined;
  bytes(): Uint8Array;
  text(): string;
  /** The body, read as JSON; what is none is an error with status 502. */
  json(): any;
  /** This answer if its status is 200 to 299; else an error with status 502. */
  successful(): this;
}

/**
 * Asks another server, as far as `grants = { fetch = ["https://api.example.com"] }` goes, and waits for the
 * whole answer: what it returns is the answer, no promise.
 */
export function fetch(url: string, options?: FetchOptions): FetchResponse;
