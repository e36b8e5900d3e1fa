// Defines what a hook is: an object with the verbs that it needs, or a function that makes one.

const VERBS = [
  'defaults', 'configure', 'initialize', 'lower', 'routes', 'methods', 'handleEvent', 'handleTask', 'handleTick',
  'beforeSwap', 'afterSwap',
];
const MADE = Symbol('a hook of boathook-sdk');

/** Makes a hook of a definition, or of a function or class that makes one. */
export function hook(definition) {
  return { [MADE]: definition };
}

/** The definition for a new instance, checked. Takes what `hook` made, and bare definitions too. */
export function definitionOf(made) {
  const given = Object.hasOwn(Object(made), MADE) ? made[MADE] : made;
  const definition = typeof given === 'function' ? make(given) : given;
  if (definition === null || typeof definition !== 'object') {
    throw new TypeError('no hook: `export default hook({ ... })` is what is expected');
  }
  const isInstance = Object.getPrototypeOf(definition) !== Object.prototype;
  const unknown = Object.keys(definition).find((key) => !VERBS.includes(key));
  // An instance of a class keeps its state in properties of its own.
  if (unknown !== undefined && !isInstance) {
    throw new TypeError(`hook: unknown key \`${unknown}\`, of ${VERBS.join(', ')}`);
  }
  return definition;
}

function make(given) {
  const isClass = /^class\b/.test(Function.prototype.toString.call(given));
  return isClass ? new given() : given();
}
