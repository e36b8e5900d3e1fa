// The interfaces about the exchange at hand: `request`, `response`, `session`.

import { pairs, valuesOf } from './exchange.js';
import { refused } from './refused.js';

const STATUS_TEXTS = {
  ok: [200, 'OK'],
  badRequest: [400, 'Bad Request'],
  unauthorized: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  notFound: [404, 'Not Found'],
  serverError: [500, 'Internal Server Error'],
};

export function exchangeInterfaces(host) {
  const at = (steps) => {
    if (!host.exchange) throw refused('E_NO_EXCHANGE', 'there is no exchange at hand');
    if (!steps.includes(host.exchange.step)) throw refused('E_TOO_LATE', `too late for that: ${host.exchange.step}`);
    return host.exchange;
  };
  const read = () => at(['route', 'response', 'finish']);
  const open = () => at(['route', 'response']);
  return {
    request: request(read, () => at(['route']), open),
    response: response(read, open),
    session: session(read, open),
  };
}

function request(read, early, open) {
  const cookies = () => (valuesOf(read().requestFields, 'cookie') ?? []).join('; ').split('; ')
    .filter((pair) => pair.includes('='))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), decodeURIComponent(pair.slice(pair.indexOf('=') + 1))]);
  const joint = (name) => (name.toLowerCase() === 'cookie' ? '; ' : ', ');
  return {
    method: () => read().method,
    path: () => read().path,
    query: () => read().query,
    param: (name) => read().params.find(([own]) => own === name)?.[1] ?? null,
    params: () => read().params,
    header: (name) => {
      const values = valuesOf(read().requestFields, name);
      return values ? Buffer.from(values.map((value) => value.toString('latin1')).join(joint(name)), 'latin1') : null;
    },
    headers: () => block(read().requestFields),
    cookie: (name) => cookies().find(([own]) => own === name)?.[1] ?? null,
    cookies,
    ip: () => read().ip,
    protocol: () => read().protocol,
    id: () => '0000000000000001',
    options: () => JSON.stringify(read().options),
    body: () => {
      if (!read().readsBody) throw refused('E_BODY_NOT_DECLARED', 'the route does not say `readBody`');
      return read().requestBody;
    },
    local: (name) => JSON.stringify(read().locals[name]) ?? null,
    locals: () => JSON.stringify(read().locals),
    setLocal: (name, value) => void (open().locals[name] = JSON.parse(value)),
    setHeader: (name, value) => {
      const exchange = early();
      exchange.requestFields = without(exchange.requestFields, name).concat(pairs({ [name]: value }));
    },
    removeHeader: (name) => {
      const exchange = early();
      exchange.requestFields = without(exchange.requestFields, name);
    },
    setPath: (path) => void (early().path = path),
    setQuery: (query) => void (early().query = query),
    setBody: (body) => void (early().requestBody = Buffer.from(body)),
  };
}

function response(read, open) {
  const setStatus = (status) => {
    if (!(status >= 200 && status < 600)) throw refused('E_HOOK_BAD_RESPONSE', `status ${status}`, 502);
    open().status = status;
  };
  const answer = (status, type, body) => {
    setStatus(status);
    open().setFields(Buffer.from(`content-type: ${type}; charset=utf-8\r\n`));
    open().body = Buffer.from(body);
  };
  const helper = ([status, text]) => (data) =>
    (data === null ? answer(status, 'text/plain', text) : answer(status, 'application/json', data));
  const helpers = Object.entries(STATUS_TEXTS).map(([name, said]) => [name, helper(said)]);
  return {
    ...Object.fromEntries(helpers),
    status: () => read().status,
    setStatus,
    header: (name) => {
      const values = read().header(name);
      return values ? Buffer.from(values.map((value) => value.toString('latin1')).join(', '), 'latin1') : null;
    },
    headers: () => block(read().fields),
    setHeaders: (bytes) => open().setFields(bytes),
    appendHeaders: (bytes) => open().appendFields(bytes),
    removeHeader: (name) => open().removeField(name),
    setBody: (body) => void (open().body = Buffer.from(body)),
    writeBody: (chunk) => void (open().body = Buffer.concat([open().body, chunk])),
    body: () => read().body,
    redirect: (location, status) => {
      open().setFields(Buffer.from(`location: ${location}\r\n`));
      setStatus(status ?? 302);
      open().body = Buffer.from(`Redirecting to ${location}`);
    },
    json: (data) => answer(read().status, 'application/json', data),
    bytesSent: () => (read().step === 'finish' ? read().body.length : 0),
    elapsed: () => 1e6,
    completed: () => read().step === 'finish',
  };
}

function session(read, open) {
  const taken = (from, key) => {
    const found = JSON.stringify(from[key]) ?? null;
    delete from[key];
    return found;
  };
  return {
    get: (key) => JSON.stringify(read().session[key]) ?? null,
    all: () => JSON.stringify(read().session),
    set: (key, value) => void (open().session[key] = JSON.parse(value)),
    delete: (key) => void delete open().session[key],
    destroy: () => void (open().session = {}),
    regenerate: () => void open(),
    flash: (key, value) => void (open().flashes[key] = JSON.parse(value)),
    readFlash: (key) => taken(read().flashes, key),
  };
}

function block(list) {
  const line = ([name, value]) => [Buffer.from(`${name}: `), value, Buffer.from('\r\n')];
  return Buffer.concat(list.flatMap(line));
}

function without(list, name) {
  return list.filter(([other]) => other !== name.toLowerCase());
}
