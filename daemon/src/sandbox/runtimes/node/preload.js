'use strict';
// Modules that are loaded ahead of INIT: Node's own and those of layers that the function is known to load.
//
// Owns which modules these may be, and whether what was loaded early is still what INIT would load. A module is known by
// its file, so that what hides it from the user's code later hides it as ever. It never loads one of the code folder.
const fs = require('fs');
const path = require('path');
const Module = require('module');

const NAMES = new Set(Module.builtinModules);
// More is not told: the names have to fit into the gate's pipe.
const MOST_BYTES = 40_000;
// A file that changed so short a time before it was loaded may have changed after it was read.
const YOUNG_MS = 50;

exports.Early = class Early {
  constructor(taskRoot) {
    this.roots = [taskRoot, real(taskRoot)].map((root) => root.replace(/\/+$/, '') + '/');
    this.places = (process.env.NODE_PATH || '')
      .split(path.delimiter)
      .filter((place) => place && place !== process.env.LAMBDA_RUNTIME_DIR && !this.isOfUser(place + '/'))
      .map((place) => real(place) + '/');
    this.require = Module.createRequire(path.join(this.roots[0], 'index.js'));
    this.base = new Set(Object.keys(require.cache));
    this.baseNames = new Set(builtins());
    this.failed = [];
    this.states = new Map();
  }

  isOfUser(file) {
    return this.roots.some((root) => file.startsWith(root));
  }

  isLoadable(file) {
    return !this.isOfUser(file) && !file.includes(',') && this.places.some((place) => file.startsWith(place));
  }

  /** Requires modules; one that fails now fails again, with its error, when user code asks for it. */
  load(names) {
    this.began ??= Date.now();
    for (const name of names) {
      if (!NAMES.has(name) && !this.isLoadable(name)) continue;
      const before = new Set(Object.keys(require.cache));
      try {
        this.require(name);
      } catch {
        this.failed.push(name);
        forget((file) => !before.has(file));
      }
    }
    for (const file of this.own()) if (!this.states.has(file)) this.states.set(file, state(file));
  }

  /** Files that were loaded early. */
  own() {
    return Object.keys(require.cache).filter((file) => !this.base.has(file));
  }

  /** INIT begins: what has changed since it was loaded is loaded again. */
  begin() {
    const young = (state) => Number(state.split(' ')[0]) > this.began - YOUNG_MS;
    const isStale = ([file, before]) => young(before) || state(file) !== before;
    if ([...this.states].some(isStale)) forget((file) => !this.base.has(file));
    this.before = surroundings();
  }

  /** INIT is done. Gives what tells, as JSON, what it has loaded. */
  settle() {
    const isPlain = same(this.before, surroundings());
    const found = isPlain ? [...builtins(), ...this.own()] : [];
    return () => {
      let room = MOST_BYTES;
      const fits = (name) => (room -= name.length + 1) >= 0;
      const isNew = (name) => (NAMES.has(name) ? !this.baseNames.has(name) : this.isLoadable(name));
      return JSON.stringify({ modules: found.filter(isNew).filter(fits), failed: this.failed });
    };
  }
};

/** Node's own modules that are loaded, as far as a function may ask for them. */
function builtins() {
  const loaded = (process.moduleLoadList || []).map((entry) => entry.replace(/^NativeModule /, ''));
  return loaded.filter((name) => NAMES.has(name) && !name.startsWith('_'));
}

/** What a module may look at while it is loaded: one that is loaded early must not see anything else. */
function surroundings() {
  return [JSON.stringify(process.env), Module._load, Module._resolveFilename, Module.prototype.require];
}

function same(one, other) {
  return one.every((value, at) => value === other[at]);
}

function forget(isMeant) {
  for (const file of Object.keys(require.cache).filter(isMeant)) delete require.cache[file];
  for (const key of Object.keys(Module._pathCache)) delete Module._pathCache[key];
}

function state(file) {
  try {
    const { mtimeMs, ctimeMs, size } = fs.statSync(file);
    return `${Math.max(mtimeMs, ctimeMs)} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch {
    return 'Infinity';
  }
}

function real(folder) {
  try {
    return fs.realpathSync(folder);
  } catch {
    return folder;
  }
}
