// Builds a hook: bundles it with the SDK, makes a component of that, and writes the manifest into it.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { componentize } from 'componentize-qjs';
import { build as bundle } from 'esbuild';

import { withManifest } from './manifest.js';

const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const ENTRIES = ['index.ts', 'index.js', 'index.mjs', 'src/index.ts', 'src/index.js'];

/** Builds the hook in a folder. Gives the file, its size and the time it took. */
export async function build(folder, output) {
  const began = performance.now();
  const dir = resolve(folder);
  const { name, manifest } = manifestOf(dir);
  const source = await bundled(dir, entryOf(dir));
  const component = withManifest(await componentOf(source, name), manifest);
  const file = output ?? join(folder, `${name}.wasm`);
  mkdirSync(dirname(resolve(file)), { recursive: true });
  // Renamed into place, so that a server never reads half a hook.
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, component);
  renameSync(fresh, file);
  return { file, bytes: component.length, ms: performance.now() - began };
}

/** The manifest's text, and the name in it; the folder's where there is none. */
function manifestOf(dir) {
  const path = join(dir, 'hook.toml');
  const written = existsSync(path) ? readFileSync(path, 'utf8') : 'manifest_version = 1\n';
  // Keys ahead of the first table are the manifest's own.
  const top = written.split(/^\s*\[/m)[0];
  const [, , named] = /^name\s*=\s*(["'])([^"'\n]+)\1/m.exec(top) ?? [];
  const name = named ?? basename(dir);
  return { name, manifest: named ? written : `name = ${JSON.stringify(name)}\n${written}` };
}

function entryOf(dir) {
  const found = ENTRIES.find((entry) => existsSync(join(dir, entry)));
  if (!found) throw new Error(`${dir}: no hook here, looked for ${ENTRIES.join(', ')}`);
  return found;
}

/** One module of the hook, what it imports, and the SDK; the host's interfaces stay imports. */
async function bundled(dir, entry) {
  const contents = `import hook from ${JSON.stringify(`./${entry}`)};
    import { component } from ${JSON.stringify(join(SDK, 'src/component.js'))};
    export const { lifecycle, routing, observing, methods, listening, background, swapping } = component(hook);`;
  const result = await bundle({
    stdin: { contents, resolveDir: dir, sourcefile: 'component-entry.js' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    mainFields: ['module', 'main'],
    // The SDK in use is this one, wherever the hook has its own from.
    alias: { 'boathook-sdk': join(SDK, 'src/index.js') },
    external: ['boathook:*'],
    logLevel: 'silent',
  }).catch((error) => {
    throw new Error(error.errors?.map(place).join('\n') || error.message);
  });
  return result.outputFiles[0].text;
}

/** An error of the bundler, as `index.js:3:7: text`. */
function place({ location, text }) {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
}

/** The component. What stands at the top of the module runs here, once, and its outcome is kept. */
async function componentOf(jsSource, name) {
  const root = mkdtempSync(join(tmpdir(), 'boathook-js-'));
  const jsPath = join(root, `${name}.js`);
  try {
    writeFileSync(jsPath, jsSource);
    const made = await componentize({
      witPath: witPath(),
      world: 'hook',
      jsSource,
      jsPath,
      moduleRoot: root,
      sync: true,
      optSize: true,
    });
    return made.component;
  } catch (error) {
    throw new Error(`componentize-qjs: ${error.message}`, { cause: error });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The world: a copy within the SDK or beside it where there is one, else the repository's. */
function witPath() {
  const places = [join(SDK, 'wit'), join(SDK, '../wit'), join(SDK, '../../wit')];
  const found = places.find((place) => existsSync(join(place, 'world.wit')));
  if (!found) throw new Error(`no wit/world.wit, looked in ${places.join(', ')}`);
  return found;
}
