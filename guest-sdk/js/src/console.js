// `console` where the engine has none: lines of the server's log.

import { log } from './services.js';

const LEVELS = { log: 'info', info: 'info', debug: 'debug', trace: 'verbose', warn: 'warn', error: 'error' };

/** A `console` that writes to the log. */
export function makeConsole() {
  const line = (name) => (...parts) => log[name](() => parts.map(shown).join(' '));
  return Object.fromEntries(Object.entries(LEVELS).map(([method, name]) => [method, line(name)]));
}

function shown(part) {
  if (typeof part === 'string') return part;
  if (part instanceof Error) return `${part}\n${part.stack ?? ''}`.trim();
  try {
    return JSON.stringify(part) ?? String(part);
  } catch {
    return String(part);
  }
}
