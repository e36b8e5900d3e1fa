// What the host throws, in the shape in which componentize-qjs throws it.

/** An error of the host's. */
export function refused(code, message, status = null) {
  return Object.assign(new Error(message), { payload: { code, message, status, details: null } });
}
