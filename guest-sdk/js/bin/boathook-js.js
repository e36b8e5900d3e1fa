#!/usr/bin/env node
// Makes a component of a hook in JavaScript or TypeScript: `boathook-js build [FOLDER] [-o FILE]`.

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: boathook-js build [FOLDER] [-o FILE]

Makes a component of the hook in FOLDER (default: this one): its entry is index.ts, index.js or
either of them in src/, its manifest hook.toml. FILE is FOLDER/NAME.wasm unless given.`;

let typed;
try {
  typed = parseArgs({
    allowPositionals: true,
    options: { output: { type: 'string', short: 'o' }, help: { type: 'boolean', short: 'h' } },
  });
} catch (error) {
  usage(`${error.message}\n\n${USAGE}`);
}
const [command, folder = '.', ...more] = typed.positionals;
if (typed.values.help) {
  console.log(USAGE);
} else if (command !== 'build' || more.length > 0) {
  usage(USAGE);
} else {
  try {
    const build = await builder();
    const { file, bytes, ms } = await build(folder, typed.values.output);
    console.error(`${file}: ${Math.round(bytes / 1024)} KiB in ${(ms / 1000).toFixed(1)} s`);
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}

/** The function that builds, if the tools that it needs are there. */
async function builder() {
  try {
    return (await import('../tools/build.js')).build;
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const sdk = dirname(dirname(fileURLToPath(import.meta.url)));
    throw new Error(`the SDK's tools are not installed\nhint: npm install --omit=dev --prefix ${sdk}`, { cause: error });
  }
}

function usage(text) {
  console.error(text);
  process.exit(2);
}
