// Generated from wit/ by tools/wit-types.js: `npm run types`. Not to be edited.
//
// As componentize-qjs hands values over: records are objects with keys in camelCase, an option is the value
// or null, an error of a result is thrown, flags are an object of booleans, an enum is a string.

/**
 * What a hook does when nobody waits for it. There is no exchange in either of these: getters of `request`
 * and `response` trap, setters return an error.
 */
declare module 'boathook:hook/background@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * A task that this hook handed itself by `tasks.defer`. Called once a task, and for one that is durable
   * again after an error: `attempt` is 1 the first time. Several tasks of a hook may run at the same
   * time, each in an instance of its own; in mode `single` they take turns with everything else, and
   * they are not promised to run in order.
   *
   * An error is logged, and so is a trap; whether there is another attempt stands with `tasks.defer`.
   * What a call that fails has deferred is dropped.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `log`, `host_calls`, `fetches`.
   */
  export function handleTask(name: string, payload: Json, attempt: number): void;
  /**
   * One of the times of a schedule that the manifest or the operator names:
   * `ticks = [{ name = "clean-up", every = "5m" }, { name = "report", cron = "0 3 * * *" }]`.
   *
   * Called on every server that runs the hook, from when it is lifted until it stops, and never while the
   * last call for the same tick goes on: times that pass meanwhile are skipped. Where a hook is replaced while
   * it serves, its last call may still go on when the new one is called. An error is logged, and the next
   * time comes as if there had been none.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `log`, `host_calls`, `fetches`.
   */
  export function handleTick(name: string): void;
}

/**
 * The server's configuration: the operator's, with the hooks' defaults under it.
 */
declare module 'boathook:hook/config@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * The value at a dotted path, from the root: `rate-limit.max-requests`; a key that has a dot itself
   * stands in quotes: `"my.key".size`. The empty path is the whole. None where there is nothing; a `null` that the operator wrote is some `null`.
   */
  export function get(path: string): Json | null;
  /**
   * Sets a value, in `configure` alone: under the hook's own config key or under `custom`. It wins
   * over what the operator wrote. Later, and elsewhere, it returns an error and changes nothing.
   */
  export function set(path: string, value: Json): void;
  /**
   * Where this hook's own settings live: the key in place of `__configKey__`.
   */
  export function configKey(): string;
}

/**
 * Events between hooks and the server: `hook:<name>:loaded`, `hook:<name>:error`,
 * `hook:<name>:restarted`, `ready`, `lifted`, `lower`, and whatever hooks emit themselves.
 */
declare module 'boathook:hook/events@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * Fires an event. Hooks that wait for it go on, those that subscribed get it. Where the operator has
   * set up a Redis for it, those on the app's other servers do, too: once each or not at all, and what one
   * server emits in its order; events that are emitted before this server is ready, or before a hook that
   * replaces another has taken over, stay here. It returns
   * at once, whatever Redis does, and an event that could not be sent is no error. The server's own
   * names (those above, and all that begin with `hook:<name of another hook>:`) are refused. Not for
   * secrets: every hook can hear it. Not for bulk either: a name has up to 256 bytes, a payload 64 KiB.
   */
  export function emit(event: string, payload: Json): void;
  /**
   * Returns when each of these events has fired, those that fired earlier counted. For `initialize`
   * alone; the time counts in its timeout. Where no hook could go on any more, because all
   * that are not done wait, it returns an error at once that names the events.
   */
  export function wait(events: string[]): void;
  /**
   * Has the event delivered to `listening.handle-event`, and at once if it has already fired; that of
   * another server as one of this. For `configure` and `initialize`.
   */
  export function subscribe(event: string): void;
}

/**
 * Requests to other servers. Each origin must be granted by the operator:
 * `[hooks.<name>] grants = { fetch = ["https://api.example.com"] }`. A name must not lead to a private,
 * loopback or link-local address unless that is granted too, whatever it is looked up to.
 *
 * A hook that waits for an answer suspends itself, and no thread; it counts in its `wall` and not in its
 * `cpu`. Redirects are followed where they are asked for, and every hop is checked like the first.
 * HTTP/1.1 and HTTP/2, with the connections kept open between calls. Bodies are handed over as they
 * came, not decompressed; there are no cookies, no cache and no proxies of the environment.
 *
 * Works in every call. A hook that has fetched before it was loaded gets no snapshot, and fetches again
 * for every new instance.
 */
declare module 'boathook:hook/fetch@0.1.0' {
  import type { Json, Error, HeaderBlock } from 'boathook:hook/types@0.1.0';
  /**
   * What is sent.
   */
  export interface Request {
    /**
     * In capitals: `GET`. Any but `CONNECT` and `TRACE`.
     */
    method: string;
    /**
     * `http` or `https`, up to 8 KiB, without credentials. A fragment is not sent.
     */
    url: string;
    /**
     * The host writes `host`, `content-length` and what else belongs to the connection, and refuses
     * them here.
     */
    headers: HeaderBlock;
    /**
     * Up to `limits.body`; empty for none.
     */
    body: Uint8Array;
    /**
     * An object; `{}` where there is nothing to say. `redirects`: how many to follow, 0 to 20, 0 by
     * default. `timeout`: milliseconds for the whole, never more than the call itself has left. Other
     * keys are refused.
     */
    options: Json;
  }
  /**
   * What came back.
   */
  export interface Response {
    /**
     * The status; that of a redirect where it was not followed.
     */
    status: number;
    /**
     * Who answered: the request's url, or where it was redirected to.
     */
    url: string;
    /**
     * The headers, without those of the connection.
     */
    headers: HeaderBlock;
    /**
     * The whole body, up to `limits.body`.
     */
    body: Uint8Array;
  }
  /**
   * Sends a request and waits for all of its answer. Any status is an answer. An error says by its code
   * why there is none:
   *
   * - `E_NOT_GRANTED`: the origin or the method is not granted to this hook, that of a redirect included.
   * - `E_FETCH_REFUSED`: all that the host has for addresses is out of bounds for it.
   * - `E_FETCH_TIMEOUT`: no connection within `[fetch] connect_timeout`, or no whole answer within
   * `timeout`, or within nine tenths of the call's `wall`, which leaves the hook time to see the error.
   * - `E_FETCH_FAILED`: no such host, no connection, an unknown certificate, an answer that breaks off or
   * is no HTTP, too many redirects.
   * - `E_BODY_TOO_LARGE`: a body is over `limits.body`, the request's or the answer's. No more than that
   * is read of it.
   * - `E_FETCH_LIMIT`: the call has sent as many requests as `limits.fetches`, 50 by default. A redirect
   * that is followed is one more.
   * - `E_FETCH_REQUEST`: the request is none that can be sent.
   *
   * A client gets status 502 of a hook that returns one for what the other server did, 504 where it was
   * too slow, and 500 for the rest.
   */
  export function send(request: Request): Response;
}

/**
 * The other hooks.
 */
declare module 'boathook:hook/hooks@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * The names of all hooks that run, this one included, in hook order.
   */
  export function names(): string[];
  /**
   * Makes data public under this hook's name: the counterpart of a value in `sails.hooks.<name>`.
   * For `initialize` alone.
   */
  export function publish(key: string, value: Json): void;
  /**
   * What another hook made public under this key; none where there is no such hook or key.
   */
  export function data(hook: string, key: string): Json | null;
  /**
   * Calls a method of another hook and returns what it returned. Only hooks named in this one's
   * `after` can be called: that graph has no cycle, so no two calls can wait for each other.
   *
   * The exchange at hand is at hand for the callee too. The time counts in this hook's wall, not in
   * its cpu. A callee's trap or limit arrives as an error value.
   */
  export function call(hook: string, method: string, args: Json): Json;
}

/**
 * Values that outlive an instance: bytes by key, in namespaces, in whatever store the operator chose
 * (`[kv] store`): memory, one database file, or Redis, which several servers can share.
 *
 * Which namespaces a hook may read and write its grants say: `kv = ["rates", "users:ro"]`. Hooks with a
 * grant for the same namespace share its keys. A namespace has up to 64 bytes of ASCII letters, digits,
 * `-`, `_` and `.`; a key 1 to 512 bytes of UTF-8.
 *
 * Each function is one atomic step, whatever other instances, hooks and servers do at the same time. It
 * works from `initialize` on, with or without an exchange at hand. A hook that called one of them before
 * it was loaded gets no snapshot: its `initialize` runs once an instance, and so do these calls in it.
 *
 * The time that a call takes counts in `wall` and not in `cpu`, and the call in `host_calls`. One that is
 * ended by a limit may have been done or not.
 *
 * Errors, by their codes: `E_NOT_GRANTED` (the message names the line to add), `E_KV_TOO_EARLY` (ahead of
 * `initialize`), `E_KV_INVALID` (a key, an expiry, a cursor or a number that is none), `E_KV_TOO_LARGE`
 * (a value over `[kv] value`, 64 KiB by default), `E_KV_FULL` (the store is at its bound; status 503),
 * `E_KV_UNAVAILABLE` (the store does not answer, or not in time; status 503; whether a change was made is
 * not known then). With any other, nothing has changed.
 */
declare module 'boathook:hook/kv@0.1.0' {
  import type { Error } from 'boathook:hook/types@0.1.0';
  /**
   * A number that was incremented.
   */
  export interface Counter {
    /**
     * Its value, this increment included.
     */
    value: number;
    /**
     * Milliseconds until it expires and begins at zero again; none where it never does.
     */
    leftMs: number | null;
  }
  /**
   * Some of the keys of a namespace.
   */
  export interface Page {
    /**
     * The keys.
     */
    keys: string[];
    /**
     * What to call with for those that follow; none where these were the last.
     */
    cursor: string | null;
  }
  /**
   * The value of a key; none where there is none, or where it has expired.
   */
  export function get(namespace: string, key: string): Uint8Array | null;
  /**
   * Sets a value. It expires so many milliseconds later, 1 to ten years; never, where that is none,
   * whatever was said of the value before.
   */
  export function set(namespace: string, key: string, value: Uint8Array, expiresInMs: number | null): void;
  /**
   * Removes a value; true if there was one.
   */
  function _delete(namespace: string, key: string): boolean;
  export { _delete as delete };
  /**
   * If what is there is `old`, none being nothing, sets it to `new`, or removes it where `new` is none;
   * true if it was. The expiry is that of `set`.
   */
  export function compareAndSet(namespace: string, key: string, old: Uint8Array | null, new_: Uint8Array | null, expiresInMs: number | null): boolean;
  /**
   * Adds to a number, and returns it. What is not there begins at zero and expires `window-ms` later, or
   * never; a number that is there keeps its expiry. So one call is all that a rate limiter needs. `set`
   * and `get` see decimal digits. `E_KV_INVALID` where the value is no such number, or the sum would not
   * fit into 64 bits.
   */
  export function increment(namespace: string, key: string, by: number, windowMs: number | null): Counter;
  /**
   * Keys that begin with `prefix`, up to `limit` (1 to 1,000; more is taken for 1,000), from the
   * beginning or from where the page with this cursor ended.
   *
   * A key that is there from the first page to the last is in one of them. A page may have fewer keys
   * than it could, even none, and yet not be the last one. In memory and in a file keys come once, in the
   * order of their bytes; from Redis in no order, and perhaps twice, and the time is that of going
   * through all keys of its database.
   */
  export function keys(namespace: string, prefix: string, cursor: string | null, limit: number): Page;
}

/**
 * A hook's start and end. Export it if the hook has settings or has to prepare itself.
 *
 * The order is a promise: `defaults` of all hooks, then `configure` of all, then `initialize` of
 * all, then `routes`; no phase begins before the one ahead of it has ended for every hook. An
 * error or a trap in any of them fails the whole start, and the message names hook and phase.
 *
 * There is no exchange during these calls: getters of `request` and `response` trap, and setters
 * return an error.
 *
 * A hook that runs in several instances goes through these calls in the first of them, and in
 * others only where they cannot begin with a copy of its memory (a snapshot): there is none of a
 * hook that reads a clock, randomness or a secret here, calls another hook, or keeps a handle. All but the
 * first run repeats what is already settled: there `config.set`, `events.emit`, `events.subscribe` and
 * `hooks.publish` do nothing, and `events.wait` returns at once.
 */
declare module 'boathook:hook/lifecycle@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * The settings that the operator need not write. Called before anything else.
   *
   * `overrides` is the operator's whole configuration, with no hook's defaults in it. The answer
   * is an object of the shape of the configuration. A root key `__configKey__` stands for the
   * hook's own config key. It is merged under the operator's configuration: what the operator
   * wrote wins always, `null`, `false` and `[]` included; objects are merged, arrays are
   * replaced; between two hooks the earlier one wins.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function defaults(overrides: Json): Json;
  /**
   * The time to derive settings from settings. Called in hook order. The hook
   * sees the whole merged configuration and what earlier hooks have set. `config.set` works here
   * and nowhere else: afterwards the configuration is frozen.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function configure(): void;
  /**
   * The time to prepare: read support data, publish it, wait for other hooks. The hooks run it at
   * the same time, each as soon as all in its `after` have loaded.
   * On success the event `hook:<name>:loaded` fires, on failure `hook:<name>:error`.
   *
   * Limits: `hook_timeout` or the hook's own `_hookTimeout`, waiting included; `memory`.
   */
  export function initialize(): void;
  /**
   * The opposite. Called once when the server stops, or when a start fails after this hook's
   * `initialize` succeeded; in reverse hook order, on one instance. An error is logged and changes nothing.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function lower(): void;
}

/**
 * What a hook hears. Export it to receive events that `events.subscribe` asked for.
 */
declare module 'boathook:hook/listening@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * An event fired that this hook subscribed to. Called once an event, for one instance of the
   * hook, one after the other in the order in which they fired; from a bounded queue: where the hook
   * is too slow for it, events are dropped and the log says so. There is no exchange. An error is
   * logged.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `log`, `host_calls`, `fetches`.
   */
  export function handleEvent(event: string, payload: Json): void;
}

/**
 * The server's log.
 */
declare module 'boathook:hook/log@0.1.0' {
  import type { Json } from 'boathook:hook/types@0.1.0';
  /**
   * How much a line matters: Sails' levels, in Sails' order.
   */
  export type Level =
    /**
     * Every step.
     */
    | 'silly'
    /**
     * What the server is doing.
     */
    | 'verbose'
    /**
     * What an operator likes to know.
     */
    | 'info'
    /**
     * What a developer looks for.
     */
    | 'debug'
    /**
     * Something is odd, and went on.
     */
    | 'warn'
    /**
     * Something failed.
     */
    | 'error';
  /**
   * Writes a line, with the hook's name and the request's id. `fields` is an object, `{}` for none.
   * What goes over `limits.log` bytes in one call into the hook is cut, and that is noted once.
   */
  export function log(level: Level, message: string, fields: Json): void;
  /**
   * Whether lines of this level are written at all, to spare the work of making one.
   */
  export function enabled(level: Level): boolean;
}

/**
 * What a hook offers to other hooks: the counterpart of `sails.hooks.<name>.<method>`. Whatever is
 * not listed here is private to the hook.
 */
declare module 'boathook:hook/methods@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * One method.
   */
  export interface Method {
    /**
     * Its name, as callers write it.
     */
    name: string;
    /**
     * One sentence for `boathook inspect`, empty if there is nothing to say.
     */
    summary: string;
  }
  /**
   * The hook's public methods. Called once, after `initialize` of the first instance.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function methods(): Method[];
  /**
   * Another hook calls a method. Only names that `methods` listed arrive. The caller's exchange, if
   * there is one, is at hand and may be changed.
   *
   * The callee has its own cpu; its time counts in the caller's wall. An error goes to the
   * caller, and so does a trap or a limit, as an error value: they do not bring the caller down.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `body`, `log`, `host_calls`, `fetches`.
   */
  export function call(name: string, args: Json): Json;
}

/**
 * The way back. Called for routes whose flags ask, if the route was reached and did not fail.
 * State travels from `handle-route` to here in locals: it may be another instance that is called.
 */
declare module 'boathook:hook/observing@0.1.0' {
  import type { Error } from 'boathook:hook/types@0.1.0';
  /**
   * The head of the response is decided and not yet sent. Called once a request and reached
   * route, in reverse order of the chain, for every response: the app's, a hook's, 404 and 5xx.
   * The hook may change status, headers and, by reading or replacing it, the body.
   *
   * An error makes the error response the response; the remaining hooks still see that one. The
   * status of a 101 cannot be changed; a body cannot be read or replaced where there is a tunnel or
   * an event stream.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `body`, `log`, `host_calls`, `fetches`.
   */
  export function handleResponse(route: number): void;
  /**
   * The last byte is out, or the client has left. Called once a request and reached route, after the
   * response, so that no client waits for it. The request and the response can be read, and
   * no longer changed. `response.bytes-sent`, `response.elapsed` and `response.completed` have their
   * final values. An error is logged.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `log`, `host_calls`, `fetches`.
   */
  export function handleFinish(route: number): void;
}

/**
 * The request of the exchange at hand. A hook pays for what it reads.
 *
 * Where there is no exchange (lifecycle, events) getters trap and name the function, and setters
 * return an error with the code `E_NO_EXCHANGE`. In `handle-response` and `handle-finish` everything
 * can be read; setters return an error with the code `E_TOO_LATE`, `set-local` excepted.
 */
declare module 'boathook:hook/request@0.1.0' {
  import type { Json, Error, HeaderBlock } from 'boathook:hook/types@0.1.0';
  /**
   * The method, in capitals: `GET`.
   */
  export function method(): string;
  /**
   * The path, without the query. Percent-encoding is as it was sent but for letters, digits
   * and `-._~`, which always stand decoded: router, hooks and upstream see this one path.
   */
  export function path(): string;
  /**
   * What stood behind the `?`, undecoded; empty where nothing did.
   */
  export function query(): string;
  /**
   * A parameter of the route's address, percent-decoded: `id` of `/users/:id`, `0` for the first `*`.
   */
  export function param(name: string): string | null;
  /**
   * All of them, in the order of the address.
   */
  export function params(): [string, string][];
  /**
   * The values of one header, joined by `, ` where there are several (RFC 9110, 5.2), or by `; `
   * for `cookie` (RFC 9113, 8.2.3). Names ignore case.
   */
  export function header(name: string): Uint8Array | null;
  /**
   * All headers, but for the cookie of sessions: see `session`.
   */
  export function headers(): HeaderBlock;
  /**
   * The value of one cookie, percent-decoded; none where it is missing or is not UTF-8.
   */
  export function cookie(name: string): string | null;
  /**
   * All cookies but that of sessions, in the order in which they were sent.
   */
  export function cookies(): [string, string][];
  /**
   * Who asks: the address of the peer, or what a proxy that `trust_proxy` trusts says it is.
   */
  export function ip(): string;
  /**
   * `http` or `https`, by the same rule.
   */
  export function protocol(): string;
  /**
   * The request's id, as it stands in the log and in `x-request-id`.
   */
  export function id(): string;
  /**
   * The options of all routes that this request matches, as one object; for each key the first
   * route in the chain wins (Sails' `req.options`).
   */
  export function options(): Json;
  /**
   * The body. An error with the code `E_BODY_NOT_DECLARED` where the route's flags lack `read-body`, and
   * with `E_BODY_TOO_LARGE` and status 413 where it is over `limits.body`: return that one and the
   * client gets a 413; answer `next` and the target receives the body untouched.
   */
  export function body(): Uint8Array;
  /**
   * One local: a value that belongs to this exchange, for the hooks that follow and for
   * `handle-response`.
   */
  export function local(name: string): Json | null;
  /**
   * All locals, as one object.
   */
  export function locals(): Json;
  /**
   * Sets a local. Together they may take `limits.body`.
   */
  export function setLocal(name: string, value: Json): void;
  /**
   * Replaces all values of one header, for what follows in the chain. Fields that belong to the
   * connection (`connection`, `transfer-encoding`, `content-length`, ...) are refused, and so is a `cookie` with
   * that of sessions.
   */
  export function setHeader(name: string, value: Uint8Array): void;
  /**
   * Removes all values of one header, for what follows.
   */
  export function removeHeader(name: string): void;
  /**
   * Replaces the path. What follows in the chain is matched anew; what ran has run.
   */
  export function setPath(path: string): void;
  /**
   * Replaces the query, for what follows; given without the `?`.
   */
  export function setQuery(query: string): void;
  /**
   * Replaces the body, for what follows. Up to `limits.body`.
   */
  export function setBody(body: Uint8Array): void;
}

/**
 * The response of the exchange at hand.
 *
 * What is set before a `next` stays, but for a body. Where the app's target answers then, its status
 * and its headers win over those of the same name, while `set-cookie` adds; what must win is set in
 * `handle-response`. Setters return an error for what HTTP does not allow (code `E_HOOK_BAD_RESPONSE`,
 * status 502) and change nothing then.
 *
 * Where there is no exchange getters trap, and setters return an error with the code
 * `E_NO_EXCHANGE`; in `handle-finish` setters return `E_TOO_LATE`.
 */
declare module 'boathook:hook/response@0.1.0' {
  import type { Error, HeaderBlock, Json as JsonText } from 'boathook:hook/types@0.1.0';
  /**
   * The status, 200 as long as nobody has set one.
   */
  export function status(): number;
  /**
   * Sets the status, 200 to 599. In `handle-response` a 101 cannot be changed.
   */
  export function setStatus(status: number): void;
  /**
   * The values of one header, joined by `, ` where there are several (`set-cookie`: the first).
   */
  export function header(name: string): Uint8Array | null;
  /**
   * All headers.
   */
  export function headers(): HeaderBlock;
  /**
   * For each name in the block: replaces all its values by those in the block; a name that stands in
   * it twice has two values. Fields that belong to the connection (`connection`, `transfer-encoding`,
   * `content-length`, ...) are refused, and with them the whole block; so is one that would bring the
   * response over 256 fields or 64 KiB of them, and a `set-cookie` of the cookie of sessions: see `session`.
   *
   * A line break inside a value reads as the next field. The host cannot tell it from one that was
   * meant, so whoever writes a block from values of others must refuse line breaks; SDKs do.
   */
  export function setHeaders(block: HeaderBlock): void;
  /**
   * Adds the fields of the block to those that are there, with the same refusals.
   */
  export function appendHeaders(block: HeaderBlock): void;
  /**
   * Removes all values of one header.
   */
  export function removeHeader(name: string): void;
  /**
   * Sets the whole body, and drops what was written before. Up to `limits.body`.
   */
  export function setBody(body: Uint8Array): void;
  /**
   * Adds to the body. All together up to `limits.body`.
   */
  export function writeBody(chunk: Uint8Array): void;
  /**
   * The body as it stands. In `handle-response` the host gathers it from whoever answers. An error
   * with the code `E_BODY_TOO_LARGE` where that is over `limits.body`, with
   * `E_BODY_STREAMING` for an event stream or a tunnel; the body then flows on untouched.
   */
  export function body(): Uint8Array;
  /**
   * Sets `location` and a status of 300 to 399, 302 by default, and a short body.
   */
  export function redirect(location: string, status: number | null): void;
  /**
   * Sets the body to this JSON, and `content-type` to `application/json; charset=utf-8` unless a hook
   * has set one; in `handle-response`, where it is the app's, it is set anyhow. The status stays. The
   * helpers below do the same, with `text/plain` for a text.
   */
  export function json(data: JsonText): void;
  /**
   * 200 with this JSON, or with the text `OK`.
   */
  export function ok(data: JsonText | null): void;
  /**
   * 400 with this JSON, or with the text `Bad Request`.
   */
  export function badRequest(data: JsonText | null): void;
  /**
   * 401 with this JSON, or with the text `Unauthorized`.
   */
  export function unauthorized(data: JsonText | null): void;
  /**
   * 403 with this JSON, or with the text `Forbidden`.
   */
  export function forbidden(data: JsonText | null): void;
  /**
   * 404 with this JSON, or with the text `Not Found`.
   */
  export function notFound(data: JsonText | null): void;
  /**
   * 500 with this JSON in development, or with the text `Internal Server Error`.
   */
  export function serverError(data: JsonText | null): void;
  /**
   * How many bytes of body went to the client; 0 before `handle-finish`.
   */
  export function bytesSent(): number;
  /**
   * Nanoseconds since the request's head had been read; in `handle-finish`, until the last byte.
   */
  export function elapsed(): number;
  /**
   * Whether the client received everything; false before `handle-finish`, and where it left early.
   */
  export function completed(): boolean;
}

/**
 * A hook's place in the way of requests. This is the one interface that a middleware needs.
 */
declare module 'boathook:hook/routing@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * On which side of the app's own routes a route stands.
   */
  export type Phase =
    /**
     * Ahead of the app's routes, in hook order.
     */
    | { tag: 'before' }
    /**
     * Behind them: it sees what nobody has answered yet. In hook order too.
     */
    | { tag: 'after' }
    /**
     * Nowhere of its own accord: the operator binds it under this name, by
     * `[[routes]] hook = "...", action = "..."`. The address is ignored and may be empty.
     */
    | { tag: 'named'; val: string };
  /**
   * What a route asks for. The host does, and a hook pays for, only what is asked for.
   */
  export interface RouteFlags {
    /**
     * Passes over paths that look like a file (`/app.js`). Where neither this nor `keep-assets` is
     * set, that is so for routes that end in a `:param` and can be reached by GET, as in Sails.
     */
    skipAssets?: boolean;
    /**
     * Takes such paths too.
     */
    keepAssets?: boolean;
    /**
     * Reads the request's body. The host then gathers the body before it takes an instance, outside
     * the hook's cpu and wall. Without it `request.body` returns an error.
     */
    readBody?: boolean;
    /**
     * Wants `observing.handle-response`.
     */
    observeResponse?: boolean;
    /**
     * Wants `observing.handle-finish`.
     */
    observeFinish?: boolean;
  }
  /**
   * One route of a hook.
   */
  export interface Route {
    /**
     * `[verb ]path` as in Sails: `GET /users/:id`, `/*`, `ALL /admin/*`, `POST r|^/x/(\d+)$|id`.
     * No verb means GET (with HEAD), POST, PUT, PATCH and DELETE; `ALL` means every method.
     * Matching ignores case and a trailing slash.
     */
    address: string;
    /**
     * Which side of the app's routes it stands on.
     */
    phase: Phase;
    /**
     * What it asks for.
     */
    flags: RouteFlags;
    /**
     * An object that `request.options` hands out, to this hook and those after it; `{}` where there
     * is nothing to say. The host reads one key: `skipRegex`, a pattern or a list of patterns; a
     * path that one of them matches passes the route by.
     */
    options: Json;
  }
  /**
   * How a step of the chain ends.
   */
  export type Outcome =
    /**
     * Go on. Status, headers and locals that were set stay; a body that was set is dropped.
     */
    | 'next'
    /**
     * Go on, and pass over what else is bound at this very binding: Sails' `next('route')`.
     */
    | 'next-route'
    /**
     * Stop here and answer with what stands in the response.
     */
    | 'respond';
  /**
   * The hook's routes, in the order in which they are to match. Called once an instance, after
   * `initialize`; the first instance's answer is bound, and every instance must give the same.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function routes(): Route[];
  /**
   * A request reached a route of this hook. `route` is its index in what `routes` returned.
   * Called once a request and route that matches, in the order of the chain, never twice at once
   * in one instance. The exchange is at hand: `request` and `response` speak of it.
   *
   * An error ends the chain with an error response (see `types.error`); headers that were set stay on
   * it, but for those that describe a body. A trap or a limit that
   * was hit does too, and costs the instance: its memory is gone, and the next call gets another.
   *
   * Limits: `cpu`, `wall`, `fuel`, `memory`, `body`, `log`, `host_calls`, `fetches`.
   */
  export function handleRoute(route: number): Outcome;
}

/**
 * What a hook must know and nobody may see: keys, passwords. The operator grants each by name, and
 * says where it lies: in an environment variable or in a file.
 */
declare module 'boathook:hook/secrets@0.1.0' {
  import type { Error } from 'boathook:hook/types@0.1.0';
  /**
   * The text of a secret. It is read once, when the server starts, and is the same for as long as it
   * runs. An error with the code `E_NOT_GRANTED`, which says what the operator would have to write,
   * where this hook was not granted a secret of this name.
   *
   * Can be called at any time. There is no snapshot of a hook that calls it in `initialize` or before:
   * new instances repeat their lifecycle. What the log, errors and `config explain` show has
   * `[secret <name>]` in place of the text, where it stands there in one piece and has 6 bytes at least.
   */
  export function get(name: string): string;
}

/**
 * The session of the client whose exchange is at hand: values that last from one request to the next.
 * By the grant `session = true`; every function returns an error with the code `E_NOT_GRANTED` without it.
 *
 * The session is read from its store by the first call in an exchange, by whichever hook, and written
 * before the response's head goes out, if something has changed. A hook that does not call costs its client
 * no cookie and the server no read.
 *
 * The cookie itself is out of reach for all hooks, those with the grant included: it is not among the headers and
 * cookies that they see, and a `cookie` or `set-cookie` of its name that they set is refused with the code
 * `E_HOOK_BAD_RESPONSE`.
 *
 * A session has two ends: `session.idle` after its last use, and `session.lifetime` after it began. Two
 * exchanges of one session at the same time do not wait for each other: each key has what was written to it
 * last, and what one of them has destroyed stays so.
 *
 * Paths that look like a file (`/app.js`) and routes with `session = false` have no session: there is
 * nothing to read there, and changes return an error with the code `E_SESSION_OFF`. Without an exchange all
 * return `E_NO_EXCHANGE`; in `handle-finish` changes return `E_TOO_LATE`. Where the store fails, reading
 * returns `E_SESSION_STORE` with status 503, unless `session.on_store_failure` says otherwise; where
 * writing fails, the client gets that code in place of the response.
 *
 * In a hook with `on_failure = "skip"` changes are taken back with the rest when its call fails.
 */
declare module 'boathook:hook/session@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * The value of a key; none where there is none.
   */
  export function get(key: string): Json | null;
  /**
   * All keys with their values, as one object. Flashes are not among them.
   */
  export function all(): Json;
  /**
   * Sets the value of a key, of up to 256 bytes. What would make keys and values together longer than
   * `session.max_bytes` is refused with the code `E_SESSION_TOO_LARGE`. Where there was no session one begins,
   * and the client gets a cookie.
   */
  export function set(key: string, value: Json): void;
  /**
   * Removes a key.
   */
  function _delete(key: string): void;
  export { _delete as delete };
  /**
   * Ends the session, and takes the cookie away from the client. What is set afterwards begins another.
   *
   * With `session.on_store_failure = "empty"` the client loses its cookie even where the store cannot be reached. The
   * session itself is then still there: whoever has kept a copy of the cookie can use it until it expires.
   */
  export function destroy(): void;
  /**
   * Gives the session a new id and keeps what it holds. To be called when a user logs in: an id that
   * somebody has foisted on them is worth nothing then.
   */
  export function regenerate(): void;
  /**
   * Leaves a value that is there until it is read once, most often by the next request: a note on what
   * became of this one. Flashes have keys of their own; limits are those of `set`.
   */
  export function flash(key: string, value: Json): void;
  /**
   * Takes a flash out. None where there is none. Two exchanges at the same time may both get it.
   */
  export function readFlash(key: string): Json | null;
}

/**
 * What a hook hands to the one that comes in its place while the server runs: by a deploy, a rollback, a change of
 * its settings or limits, or in development a new build. What it has in its memory is gone otherwise; what lies in
 * `kv` or in sessions stays anyhow. Export it if the memory is worth it, as in mode `single`.
 *
 * The next generation is lifted by then and has been through its own `initialize`. There is no exchange in either
 * of these: getters of `request` and `response` trap, setters return an error; nor does `tasks.defer` take anything.
 *
 * Neither is called when the server starts or stops, nor of a hook that is removed, disabled or renamed: there is
 * nobody in its place. A hook that is enabled again begins anew.
 */
declare module 'boathook:hook/swapping@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * Says what the next generation should know, up to 1 MiB; none for nothing.
   *
   * Called once on the running generation when the next one is about to take over: in mode `single` on its
   * one instance, in turn with its other calls; in mode `pooled` on any one of its instances, which knows nothing
   * of the others' memory; not at all in mode `fresh`, nor where there is no instance. Requests go on meanwhile,
   * in mode `single` once it has answered: those that wait longer than `queue_wait` get `E_HOOK_BUSY`, so be quick.
   * What this generation does between its answer and the last request that began with it is not in the value. The
   * next one may still be refused, so nothing should be given up here.
   *
   * An error, a trap, and a value that is too long or no JSON are logged, and the next generation
   * takes over without a value. A trap costs the instance its memory, also where the next one is refused.
   *
   * Limits: `hook_timeout`, its turn included; `memory`.
   */
  export function beforeSwap(): Json | null;
  /**
   * Takes over what the generation before handed out. Called after `initialize`, `routes` and `methods` and before
   * the first request, where there is a value; then on each further instance when it is made, with the same
   * value: also on the one that comes after a failure in mode `single`, and on every one in mode `fresh`. A
   * snapshot does not have it.
   *
   * The value may be that of any generation, a later one included, as a rollback is a swap too. Pass over
   * what cannot be read: an error or a trap refuses the whole set, and the generation before goes on. On further
   * instances it fails the request that needs one. There `events.emit` does nothing.
   *
   * Limits: `hook_timeout`, `memory`.
   */
  export function afterSwap(value: Json): void;
}

/**
 * Work that a hook hands itself, to be done when no client waits for it any more:
 * `background.handle-task` gets it, in an instance of its own.
 */
declare module 'boathook:hook/tasks@0.1.0' {
  import type { Json, Error } from 'boathook:hook/types@0.1.0';
  /**
   * Hands this hook a task: a name of 1 to 128 bytes and a payload of up to 64 KiB.
   *
   * Where there is an exchange at hand, the task is run after the last byte of its response, or after
   * the client has left; elsewhere once this call is over. Where this call fails, by an error, a trap
   * or a limit, what it deferred is dropped: an error that a hook returns takes its tasks back.
   *
   * `options` is an object, `{}` where there is nothing to say. Other keys are refused.
   * - `delay`: milliseconds to wait before the first run, up to 31 days; counted from when the task could
   * have been run.
   * - `durable`: `true` for a task that must not be lost.
   *
   * A task that is not durable lies in the server's memory. It is run once at most: it is gone when it
   * fails, or when the server stops before it was its turn. A hook can have `[tasks] queue` of them
   * waiting, 1,000 by default, and 8 MiB of names and payloads; those of exchanges whose last byte is not
   * out count.
   *
   * A durable one takes the grant `tasks = true`. It is in the store of `kv` when this returns, and
   * survives there what that store survives: where it is embedded kill -9 too, unless the operator has
   * chosen `[kv] durability = "eventual"`, which may lose the last second. It is run once at least:
   * until it succeeds, or until it has failed `[tasks] attempts` times, 10 by default, and the log says
   * that it was given up. Between attempts are pauses, twice as long each time. It may be run once more
   * than it had to where a server dies: after its work was done and before that was noted, and where it
   * dies between this call's return and its failure. A response that takes longer than
   * `limits.exchange` and a minute is not waited for. A hook can have `[tasks] stored` of them.
   *
   * Works in `initialize`, where it does nothing when new instances repeat that, and in all later calls
   * but `lower`, `before-swap` and `after-swap`. No task is run before the server is lifted.
   *
   * Errors, by their codes: `E_NOT_GRANTED`; `E_TASKS_FULL` (so many wait already, or the store has no
   * room; status 503); `E_TASKS_INVALID` (a name, a payload or an option that is none);
   * `E_TASKS_NO_HANDLER` (the component does not export `background`); `E_TASKS_TOO_EARLY` (ahead of
   * `initialize`, and in `before-swap` and `after-swap`); `E_TOO_LATE` (in `lower`);
   * `E_TASKS_UNAVAILABLE` (the store does not answer; status 503; whether the task is there is not known).
   */
  export function defer(name: string, payload: Json, options: Json): void;
}

/**
 * What every other interface shares.
 */
declare module 'boathook:hook/types@0.1.0' {
  /**
   * JSON text (RFC 8259) in UTF-8. The host parses whatever a hook hands it and refuses what does
   * not parse; what it hands to a hook always parses.
   */
  export type Json = string;
  /**
   * Header fields as they stand in HTTP/1.1: each one `name: value` and CRLF, nothing between them,
   * nothing after the last. Values are opaque bytes: HTTP does not promise UTF-8 (RFC 9110, 5.5).
   *
   * One block crosses the sandbox in one copy. The same dozen of fields as a list of pairs costs
   * seven times as much.
   */
  export type HeaderBlock = Uint8Array;
  /**
   * What went wrong: from a hook to the host, or from the host to a hook.
   *
   * Of each text up to 4 KiB count; what is longer is cut.
   *
   * A hook that returns one from `handle-route` ends the chain with an error response: status 500
   * and code `E_HOOK_ERROR`, or `status` and `code` where `status` is given.
   */
  export interface Error {
    /**
     * Stable and made for programs, `E_` and capitals by custom: `E_BODY_TOO_LARGE`.
     * Empty means `E_HOOK_ERROR`.
     */
    code: string;
    /**
     * Made for people. The log has it always. A client sees it where `status` is 400 to 499;
     * of a 5xx it sees the code alone, outside development.
     */
    message: string;
    /**
     * The status that the client gets, 400 to 599. None means 500.
     */
    status: number | null;
    /**
     * More for the log. A client sees it in development alone.
     */
    details: Json | null;
  }
}
