// Matches addresses for tests: verbs, `:param`, `:param?` and `*`, no regular expressions.

const FIVE = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The parameters as pairs if the address matches; `undefined` if it does not. */
export function matches(address, method, path) {
  const [verb, pattern] = address.includes(' ') ? split(address) : ['', address];
  if (pattern.startsWith('r|')) throw new Error(`testing does not match \`${address}\`: a regex`);
  if (!verbFits(verb.toUpperCase(), method)) return undefined;
  const params = [];
  const rest = segments(path);
  let stars = 0;
  for (const part of segments(pattern)) {
    if (part === '*') {
      params.push([String(stars++), rest.splice(0).join('/')]);
    } else if (part.startsWith(':')) {
      if (rest.length > 0) params.push([part.slice(1).replace('?', ''), decodeURIComponent(rest.shift())]);
      else if (!part.endsWith('?')) return undefined;
    } else if (rest.shift()?.toLowerCase() !== part.toLowerCase()) {
      return undefined;
    }
  }
  return rest.length === 0 ? params : undefined;
}

/** Whether a route passes over paths that look like a file: by flag, or as Sails does by default. */
export function passesAssets({ address, skipAssets, keepAssets }) {
  const endsInParam = address.split('/').at(-1).startsWith(':');
  return Boolean(skipAssets) || (endsInParam && !keepAssets && !/^ALL /i.test(address));
}

function verbFits(verb, method) {
  if (verb === '') return FIVE.includes(method);
  if (verb === 'GET') return method === 'GET' || method === 'HEAD';
  return verb === 'ALL' || verb === method;
}

function split(address) {
  const at = address.indexOf(' ');
  return [address.slice(0, at), address.slice(at + 1).trim()];
}

function segments(path) {
  return path.split('/').filter(Boolean);
}
