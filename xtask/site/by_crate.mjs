// Prints which crates fill the module of WebAssembly that every page loads, by the names of its functions.
// The pieces have no names.
//
//   node xtask/site/by_crate.mjs <output of wasm-bindgen>
//
// The names are in the output of wasm-bindgen only: `wasm-opt` removes them afterwards, and makes the code
// smaller by about a tenth. So the shares count, and not the bytes. A function of a generic type counts for
// the crate that has written it, not for the crate that uses it.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const SECTIONS = { custom: 0, imports: 2, code: 10 };
const FUNCTION = 0;
const NAMES_OF_FUNCTIONS = 1;

/** The fewest bytes of a crate that gets a row of its own. */
const SMALLEST = 1024;

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('Usage: by_crate.mjs <output of wasm-bindgen>');
  process.exit(2);
}
const files = (await readdir(folder)).filter((file) => file.endsWith('.wasm'));
const main = files.find((file) => file.endsWith('_bg.wasm'));
if (!main) {
  throw new Error(`There is no module in ${folder}.`);
}
print(byCrate(await readFile(join(folder, main))));

/** The bytes of code of each crate in a module. */
function byCrate(bytes) {
  const { imported, sizes, names } = read(bytes);
  const crates = new Map();
  for (const [at, size] of sizes.entries()) {
    const crate = crateOf(names.get(imported + at) ?? '');
    crates.set(crate, (crates.get(crate) ?? 0) + size);
  }
  return crates;
}

/** The crate in which a function is written. */
function crateOf(name) {
  const path = /([A-Za-z_]\w*)(\[[0-9a-f]+\])?::/.exec(name);
  return path ? path[1] : 'without a path';
}

/** How many functions a module imports, the size of each of its own, and the names of all. */
function read(bytes) {
  let at = 8;
  let imported = 0;
  const sizes = [];
  const names = new Map();

  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const text = () => {
    const length = number();
    at += length;
    return bytes.subarray(at - length, at).toString('utf8');
  };
  /** The limits of a table or a memory. */
  const limits = () => {
    const flags = bytes[at++];
    number();
    if (flags & 1) number();
  };
  const skipImport = [
    () => number(),
    () => {
      at += 1;
      limits();
    },
    limits,
    () => (at += 2),
    () => {
      at += 1;
      number();
    },
  ];

  while (at < bytes.length) {
    const section = bytes[at++];
    const length = number();
    const end = at + length;
    if (section === SECTIONS.imports) {
      for (let left = number(); left > 0; left -= 1) {
        text();
        text();
        const kind = bytes[at++];
        if (kind === FUNCTION) imported += 1;
        skipImport[kind]();
      }
    } else if (section === SECTIONS.code) {
      for (let left = number(); left > 0; left -= 1) {
        const size = number();
        sizes.push(size);
        at += size;
      }
    } else if (section === SECTIONS.custom && text() === 'name') {
      while (at < end) {
        const kind = bytes[at++];
        const next = number() + at;
        if (kind === NAMES_OF_FUNCTIONS) {
          for (let left = number(); left > 0; left -= 1) {
            const index = number();
            names.set(index, text());
          }
        }
        at = next;
      }
    }
    at = end;
  }
  return { imported, sizes, names };
}

function print(crates) {
  const all = [...crates.values()].reduce((sum, bytes) => sum + bytes, 0);
  const rows = [...crates].sort(([, one], [, other]) => other - one);
  const small = rows.filter(([, bytes]) => bytes < SMALLEST);
  const ofSmall = small.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log('| crate | bytes of code in the module | share |');
  console.log('| --- | --- | --- |');
  for (const [crate, bytes] of [
    ...rows.slice(0, rows.length - small.length),
    [`${small.length} others`, ofSmall],
  ]) {
    console.log(`| ${crate} | ${bytes} | ${((100 * bytes) / all).toFixed(1)} % |`);
  }
  console.log(`| together | ${all} | |`);
}
