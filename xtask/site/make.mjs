// Makes the site that the server serves: everything a browser loads, small and compressed.
//
//   node xtask/site/make.mjs <output of wasm-bindgen> <public files or ''> <style or ''> <site> [hashed]
//
// The site is made beside its place and then moved there, so that an unfinished site is never
// there. Its layout is that of cargo-leptos, which makes the same for the development build:
//
//   <site>/pkg/<name>.js, .wasm, .css    and everything in the public folder
//   each file with .br and .gz beside it, which is what the server sends
//
// With `hashed` as the last argument, each name gets a hash of the content of the file, and
// `pkg/files.json` contains the names. So browsers keep the files for ever, and two releases that
// run side by side are never mixed.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import browserslist from 'browserslist';
import { transform } from 'esbuild';
import { browserslistToTargets, bundleAsync } from 'lightningcss';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Flags of the target that rustc assumes, but does not write into a module that it strips. */
const WASM_OPT = ['-Oz', '--enable-bulk-memory', '--enable-nontrapping-float-to-int'];

const [bindgen, assets, style, site, hashed] = process.argv.slice(2);
if (!site) {
  console.error('Usage: make.mjs <output of wasm-bindgen> <public files or \'\'> <style or \'\'> <site> [hashed]');
  process.exit(2);
}

const beside = `${site}.new`;
const pkg = join(beside, 'pkg');
const name = await nameIn(bindgen);

await rm(beside, { recursive: true, force: true });
await mkdir(pkg, { recursive: true });
if (assets) {
  await cp(assets, beside, { recursive: true });
}
await Promise.all([makeWasm(), makeJavaScript(), style && makeStyle()]);
if (hashed) {
  await nameByContent();
}
await Promise.all((await filesBelow(beside)).map(compress));
await rm(site, { recursive: true, force: true });
await rename(beside, site);

/** The name that wasm-bindgen has given its output. */
async function nameIn(directory) {
  const script = (await readdir(directory)).find((file) => file.endsWith('.js'));
  if (!script) {
    throw new Error(`There is no output of wasm-bindgen in ${directory}.`);
  }
  return basename(script, '.js');
}

/** wasm-opt itself is WebAssembly, so Node runs it on every machine. */
async function makeWasm() {
  const wasmOpt = join(ROOT, 'node_modules/binaryen/bin/wasm-opt');
  await access(wasmOpt);
  const from = join(bindgen, `${name}_bg.wasm`);
  const to = join(pkg, `${name}.wasm`);
  await promisify(execFile)(process.execPath, [wasmOpt, ...WASM_OPT, from, '-o', to]);
}

async function makeJavaScript() {
  const source = await readFile(join(bindgen, `${name}.js`), 'utf8');
  const { code } = await transform(source, { minify: true, format: 'esm', target: 'es2022' });
  await writeFile(join(pkg, `${name}.js`), code);
}

/** All files of the style in one, for the browsers that Cargo.toml names. */
async function makeStyle() {
  const manifest = await readFile(join(ROOT, 'Cargo.toml'), 'utf8');
  const query = /^browserquery = "(.*)"$/m.exec(manifest)?.[1];
  const { code } = await bundleAsync({
    filename: style,
    minify: true,
    targets: browserslistToTargets(browserslist(query)),
  });
  await writeFile(join(pkg, `${name}.css`), code);
}

/** The server reads the names when it starts. */
async function nameByContent() {
  const names = {};
  for (const kind of ['js', 'wasm', 'css']) {
    const file = join(pkg, `${name}.${kind}`);
    const hash = createHash('sha256').update(await readFile(file)).digest('hex').slice(0, 16);
    names[kind] = `${name}.${hash}.${kind}`;
    await rename(file, join(pkg, names[kind]));
  }
  await writeFile(join(pkg, 'files.json'), `${JSON.stringify(names)}\n`);
}

async function filesBelow(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  // Node 20 calls the folder `path`, later ones `parentPath`.
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

async function compress(file) {
  const bytes = await readFile(file);
  const brotli = promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  await writeFile(`${file}.br`, await brotli);
  await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}
