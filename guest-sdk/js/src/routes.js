// Turns the routes of a definition into a table: where each stands, what it asks for, who handles it.

const PHASES = ['before', 'after', 'named'];
const KEYS = ['handle', 'skipAssets', 'keepAssets', 'readBody', 'options', 'observeResponse', 'observeFinish'];

/** The table, in the order in which the routes were written. */
export function table(routes = {}) {
  const unknown = Object.keys(routes).find((key) => !PHASES.includes(key));
  if (unknown !== undefined) throw new TypeError(`routes: unknown key \`${unknown}\`, of ${PHASES.join(', ')}`);
  return Object.entries(routes).flatMap(([phase, addresses]) =>
    Object.entries(addresses).flatMap(([address, targets]) =>
      [targets].flat().map((target) => entry(phase, address, target))));
}

function entry(phase, address, target) {
  const route = typeof target === 'function' ? { handle: target } : { ...target };
  const unknown = Object.keys(route).find((key) => !KEYS.includes(key));
  const where = `routes: ${phase} \`${address}\``;
  if (unknown !== undefined) throw new TypeError(`${where}: unknown key \`${unknown}\`, of ${KEYS.join(', ')}`);
  for (const key of ['handle', 'observeResponse', 'observeFinish']) {
    if (route[key] !== undefined && typeof route[key] !== 'function') {
      throw new TypeError(`${where}: \`${key}\` is no function`);
    }
  }
  if (!route.handle && !route.observeResponse && !route.observeFinish) {
    throw new TypeError(`${where}: has neither \`handle\` nor an observer`);
  }
  return { phase, address, ...route };
}

/** A row of the table as the world's record. */
export function wireRoute(route) {
  const isNamed = route.phase === 'named';
  return {
    address: isNamed ? '' : route.address,
    phase: isNamed ? { tag: 'named', val: route.address } : { tag: route.phase },
    flags: {
      skipAssets: Boolean(route.skipAssets),
      keepAssets: Boolean(route.keepAssets),
      readBody: Boolean(route.readBody),
      observeResponse: Boolean(route.observeResponse),
      observeFinish: Boolean(route.observeFinish),
    },
    options: JSON.stringify(route.options ?? {}),
  };
}
