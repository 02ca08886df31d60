// Makes the site that the server serves: everything a browser loads, small and compressed.
//
//   node xtask/site/make.mjs <output of wasm-bindgen> <public files or ''> <style or ''> <site> [hashed]
//
// The site is made beside its place and then moved there, so that an unfinished site is never
// there. Its layout is that of cargo-leptos, which makes the same for the development build:
//
//   <site>/pkg/<name>.js, .wasm, .css    and everything in the public folder
//   <site>/pkg/<name>-<piece>.wasm       the pieces, if the module was cut into pieces
//   <site>/pkg/<name>-<piece>.css        the style of a piece, if `<piece>-page.css` is beside the style
//   each file with .br and .gz beside it, which is what the server sends
//
// With `hashed` as the last argument, each name gets a hash of the content of the file, and
// `pkg/files.json` contains the names. So browsers keep the files for ever, and two releases that
// run side by side are never mixed.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import browserslist from 'browserslist';
import { build } from 'esbuild';
import { browserslistToTargets, bundleAsync } from 'lightningcss';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The script that loads pieces. The tool of wasm-bindgen writes it if it cuts a module. */
const LOADER = '__wasm_split.js';

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
/** The final name of each file of a piece, by the name that the tool has given it. */
const pieces = new Map();
/** The files of each piece, as the tool has listed them. There are none if nothing was cut. */
const list = join(bindgen, 'pieces.json');
const listed = existsSync(list) ? JSON.parse(await readFile(list, 'utf8')) : {};
/** The final name of the style of each piece that has one of its own. */
const styles = new Map();

await rm(beside, { recursive: true, force: true });
await mkdir(pkg, { recursive: true });
if (assets) {
  await cp(assets, beside, { recursive: true });
}
await Promise.all([makeWasm(), style && makeStyle()]);
// The script names the pieces.
await makeJavaScript();
if (hashed) {
  await nameByContent();
}
await Promise.all((await filesBelow(beside)).map(compress));
await rm(site, { recursive: true, force: true });
await rename(beside, site);

/** The name that wasm-bindgen has given its output. */
async function nameIn(directory) {
  const script = (await readdir(directory)).find(
    (file) => file.endsWith('.js') && file !== LOADER,
  );
  if (!script) {
    throw new Error(`There is no output of wasm-bindgen in ${directory}.`);
  }
  return basename(script, '.js');
}

/** The module, and the pieces that were cut out of it, as many at a time as there are processors. */
async function makeWasm() {
  const modules = (await readdir(bindgen)).filter((file) => file.endsWith('.wasm'));
  const optimiseAll = async () => {
    for (let file = modules.shift(); file; file = modules.shift()) {
      await makeModule(file);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, optimiseAll));
}

async function makeModule(file) {
  if (file === `${name}_bg.wasm`) {
    await optimise(file, join(pkg, `${name}.wasm`));
    return;
  }
  const piece = `${name}-${basename(file, '.wasm').replace(/^split_/, '')}.wasm`;
  await optimise(file, join(pkg, piece));
  pieces.set(file, hashed ? await renamed(piece) : piece);
}

/** wasm-opt itself is WebAssembly, so Node runs it on every machine. */
async function optimise(file, to) {
  const wasmOpt = join(ROOT, 'node_modules/binaryen/bin/wasm-opt');
  await access(wasmOpt);
  await promisify(execFile)(process.execPath, [wasmOpt, ...WASM_OPT, join(bindgen, file), '-o', to]);
}

/**
 * One script. The script that loads the pieces and the one of wasm-bindgen import each other, so
 * neither could have a hash of its content in its name.
 */
async function makeJavaScript() {
  const final = (_, file) => JSON.stringify(`./${pieces.get(file)}`);
  const namePieces = {
    name: 'name pieces',
    setup(esbuild) {
      esbuild.onLoad({ filter: new RegExp(`${LOADER.replace('.', '\\.')}$`) }, async ({ path }) => ({
        contents: (await readFile(path, 'utf8')).replace(/"\.\/(\w+\.wasm)"/g, final),
      }));
    },
  };
  await build({
    entryPoints: [join(bindgen, `${name}.js`)],
    outfile: join(pkg, `${name}.js`),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    plugins: [namePieces],
    logLevel: 'warning',
    // wasm-bindgen names the loader once for each function that it takes from it.
    logOverride: { 'duplicate-object-key': 'silent' },
  });
}

/** All files of the style in one. A piece may have a style of its own, which its page loads. */
async function makeStyle() {
  const path = (piece) => resolve(dirname(style), `${piece}-page.css`);
  const apart = Object.keys(listed).filter((piece) => existsSync(path(piece)));
  await bundle(style, `${name}.css`, apart.map(path));
  for (const piece of apart) {
    const file = `${name}-${piece}.css`;
    await bundle(path(piece), file, []);
    styles.set(piece, hashed ? await renamed(file) : file);
  }
}

/** One file of style, for the browsers that Cargo.toml names. The files `without` are left out. */
async function bundle(source, file, without) {
  const manifest = await readFile(join(ROOT, 'Cargo.toml'), 'utf8');
  const query = /^browserquery = "(.*)"$/m.exec(manifest)?.[1];
  const { code } = await bundleAsync({
    filename: source,
    minify: true,
    targets: browserslistToTargets(browserslist(query)),
    resolver: { read: (path) => (without.includes(resolve(path)) ? '' : readFile(path, 'utf8')) },
  });
  await writeFile(join(pkg, file), code);
}

/** The server reads the names when it starts. */
async function nameByContent() {
  const names = { pieces: {} };
  for (const kind of ['js', 'wasm', 'css']) {
    names[kind] = await renamed(`${name}.${kind}`);
  }
  for (const [piece, files] of Object.entries(listed)) {
    names.pieces[piece] = files.map((file) => pieces.get(`${file}.wasm`));
    if (styles.has(piece)) {
      names.pieces[piece].push(styles.get(piece));
    }
  }
  await writeFile(join(pkg, 'files.json'), `${JSON.stringify(names)}\n`);
}

/** Puts the hash of its content into the name of a file of the package, and returns that name. */
async function renamed(file) {
  const [, stem, kind] = /^(.*)\.(\w+)$/.exec(file);
  const final = `${stem}.${await hashOf(join(pkg, file))}.${kind}`;
  await rename(join(pkg, file), join(pkg, final));
  return final;
}

async function hashOf(file) {
  return createHash('sha256').update(await readFile(file)).digest('hex').slice(0, 16);
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
