// Defines what goes wrong, from a hook to the host and back.

/** An error with a status, a code and details, for the host and for the client. */
export class HookError extends Error {
  constructor(message, { status, code = '', details } = {}) {
    super(message);
    this.name = 'HookError';
    this.status = status;
    this.code = code;
    this.details = details;
  }

  static badRequest(message, more) {
    return new HookError(message, { ...more, status: 400 });
  }

  static unauthorized(message, more) {
    return new HookError(message, { ...more, status: 401 });
  }

  static forbidden(message, more) {
    return new HookError(message, { ...more, status: 403 });
  }

  static notFound(message, more) {
    return new HookError(message, { ...more, status: 404 });
  }

  /** What the host threw, as an error of ours; everything else stays what it is. */
  static from(error) {
    const { code, message, status, details } = error?.payload ?? {};
    if (typeof code !== 'string' || typeof message !== 'string') return error;
    return new HookError(message, {
      code,
      status: status ?? undefined,
      details: details == null ? undefined : JSON.parse(details),
    });
  }
}

/** Whatever was thrown, as the record that the world calls `error`. */
export function wire(thrown) {
  const error = thrown instanceof Error ? thrown : new HookError(String(thrown));
  const { status, details } = error;
  return {
    code: typeof error.code === 'string' ? error.code : '',
    // The name tells a TypeError, whose message alone may say little, from what a hook says itself.
    message: ['Error', 'HookError'].includes(error.name) ? error.message : String(error),
    status: Number.isInteger(status) && status >= 400 && status <= 599 ? status : null,
    details: detailsOf(details, error),
  };
}

/** What was given, or the place of an error that nobody meant to throw. */
function detailsOf(details, error) {
  if (details !== undefined) return tryJson(details);
  if (error instanceof HookError || typeof error.stack !== 'string') return null;
  return JSON.stringify({ stack: error.stack.trim() });
}

function tryJson(details) {
  try {
    return JSON.stringify(details) ?? null;
  } catch {
    return null;
  }
}
