#!/usr/bin/env node
// Makes a component of a hook in JavaScript or TypeScript: `boathook-js build [FOLDER] [-o FILE]`.

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: boathook-js build [FOLDER] [-o FILE]
       boathook-js test [FOLDER]

build makes a component of the hook in FOLDER (default: this one): its entry is index.ts, index.js or
either of them in src/, its manifest hook.toml. FILE is FOLDER/NAME.wasm unless given.
test runs its tests in TypeScript, *.test.ts, in Node.js.`;

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
} else if (!['build', 'test'].includes(command) || more.length > 0) {
  usage(USAGE);
} else {
  try {
    const { build, test } = await tools();
    if (command === 'test') {
      process.exitCode = await test(folder);
    } else {
      const { file, bytes, ms } = await build(folder, typed.values.output);
      console.error(`${file}: ${Math.round(bytes / 1024)} KiB in ${(ms / 1000).toFixed(1)} s`);
    }
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}

/** What builds and tests, if the tools that it needs are there. */
async function tools() {
  try {
    return { ...(await import('../tools/build.js')), ...(await import('../tools/test.js')) };
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
