// Runs the tests of a hook in TypeScript: without its types, in Node.js' own runner.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { build as bundle } from 'esbuild';

/** Runs `*.test.ts` of a folder. Gives the exit code. */
export async function test(folder) {
  const dir = resolve(folder);
  const entryPoints = readdirSync(dir).filter((name) => name.endsWith('.test.ts')).map((name) => join(dir, name));
  if (entryPoints.length === 0) throw new Error(`${dir}: no *.test.ts here`);
  // Below the folder, so that its packages are found.
  const outdir = mkdtempSync(join(dir, '.test-'));
  try {
    await bundle({
      entryPoints,
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
    });
    const made = readdirSync(outdir).map((name) => join(outdir, name));
    const runner = spawn(process.execPath, ['--enable-source-maps', '--test', ...made], { stdio: 'inherit' });
    const [code] = await once(runner, 'exit');
    return code ?? 1;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
