// Writes a `set-cookie` field.

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' };

/** The field for a cookie; `maxAge` is in seconds. */
export function cookie(name, value, options = {}) {
  const { path = '/', domain, maxAge, httpOnly, sameSite } = options;
  const site = sameSite === undefined ? undefined : SAME_SITE[String(sameSite).toLowerCase()];
  if (sameSite !== undefined && site === undefined) {
    throw new TypeError(`sameSite: \`strict\`, \`lax\` or \`none\`, not \`${sameSite}\``);
  }
  // Browsers take `None` with `Secure` alone.
  const secure = options.secure || site === 'None';
  return [
    `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
    `Path=${attribute(path)}`,
    domain && `Domain=${attribute(domain)}`,
    maxAge !== undefined && `Max-Age=${Math.trunc(maxAge)}`,
    site && `SameSite=${site}`,
    httpOnly && 'HttpOnly',
    secure && 'Secure',
  ].filter(Boolean).join('; ');
}

/** A `;` would begin another attribute. */
function attribute(value) {
  return String(value).replaceAll(';', '%3B');
}
