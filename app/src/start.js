// Starts the page, and tells the person if it does not start. It runs before all other code.
// It is in the page itself, because the page's other script may never arrive.
(function (script, module, parts, engine, sentences, prefix, isOnlyLinks) {
  var root = document.documentElement;
  var PATIENCE_MS = 8000;
  var PAINTED_MS = 1500;
  var AT_ONCE = 4;
  var RELOADED = 'holdfast-page.reloaded';
  var NOT_AGAIN_MS = 300000;
  var WORDS = { slow: sentences[0], failed: sentences[1], old: sentences[2] };
  var alarm = null;
  var isBroken = false;
  var isReloading = false;
  var isLoading = false;
  // Whether this browser has stored something, as far as a page that waits knows.
  var hasStored = false;
  // Whether the code of a page that works without it did not arrive.
  var isMissed = false;

  function isAlive() {
    return root.dataset.hydrated === 'true' && !isBroken;
  }

  // Whether the page works without the code: it has links only, and nobody is signed in. Then a file that
  // does not arrive is no reason to say something, and none to load the page again while a person reads it
  // or follows a link.
  function needsNoCode() {
    return isOnlyLinks && !hasStored && root.dataset.session !== 'maybe';
  }

  // A reload would lose what the person has typed meanwhile.
  function hasText() {
    return Array.from(document.querySelectorAll('input, textarea')).some(function (field) {
      return field.type !== 'checkbox' && !field.readOnly && field.value !== '';
    });
  }

  // Another program, such as an extension of the browser, has changed the page before it was taken
  // over. The client has stopped in the middle.
  function breakOff(why) {
    isBroken = true;
    throw why;
  }

  // The message is at the end of the page, because hydration takes over the page node by node
  // from its beginning.
  function say(what) {
    if (isAlive() || needsNoCode() || !document.body) return;
    if (!alarm) {
      alarm = document.createElement('div');
      alarm.className = 'page-trouble';
      alarm.setAttribute('role', 'alert');
      document.body.append(alarm);
    }
    var words = document.createElement('p');
    words.textContent = WORDS[what] + ' ';
    var again = document.createElement('a');
    again.href = '';
    again.rel = 'external';
    again.textContent = sentences[3];
    words.append(again);
    alarm.replaceChildren(words);
    root.dataset.trouble = what;
  }

  function calm() {
    if (!isAlive()) return;
    delete root.dataset.trouble;
    if (alarm) alarm.remove();
  }

  // A page of one release may request its files from an instance of another release. After a
  // reload the page finds the files of its own release. If it misses them again, it does not
  // reload for ever.
  function reloadOnce() {
    // Another file of the page was missed a moment ago.
    if (isReloading) return true;
    try {
      var before = Number(sessionStorage.getItem(RELOADED));
      if (navigator.onLine === false || Math.abs(Date.now() - before) < NOT_AGAIN_MS) return false;
      sessionStorage.setItem(RELOADED, String(Date.now()));
    } catch (denied) {
      return false;
    }
    isReloading = true;
    location.reload();
    return true;
  }

  function fail(why) {
    if (isAlive()) return;
    isMissed = needsNoCode();
    if (!isMissed && !hasText() && reloadOnce()) return;
    console.warn('The page could not be started:', String(why));
    say('failed');
  }

  function start() {
    if (typeof WebAssembly !== 'object') return say('old');
    setTimeout(function () {
      if (!root.dataset.trouble) say('slow');
    }, PATIENCE_MS);
    import(script)
      .then(function (page) {
        return page
          .default({ module_or_path: module })
          .then(page.load)
          .then(function () {
            try {
              page.hydrate();
            } catch (why) {
              breakOff(why);
            }
          });
      })
      .catch(fail);
  }

  function preload(address) {
    var link = document.createElement('link');
    link.href = address;
    if (address === script) {
      link.rel = 'modulepreload';
    } else {
      link.rel = 'preload';
      link.as = 'fetch';
      link.type = 'application/wasm';
      link.crossOrigin = 'anonymous';
    }
    document.head.append(link);
  }

  // Everything that the page needs loads at once. Otherwise the pieces would load only after the module.
  // A browser on a slow phone needs several milliseconds for one request. So a few of them get a turn
  // together: all of them in one turn would hold up what the person does.
  function load() {
    if (isLoading) return;
    isLoading = true;
    var isMaybeSignedIn = root.dataset.session === 'maybe';
    var files = [script, module].concat(parts, isMaybeSignedIn ? engine : []);
    (function next() {
      files.splice(0, AT_ONCE).forEach(preload);
      if (files.length) soon(next);
      else if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
      else start();
    })();
  }

  // In the background, a turn comes once a second.
  function soon(then) {
    if (document.hidden) then();
    else setTimeout(then);
  }

  // A visitor first reads the page that the server has drawn. So its style comes first, and the code does
  // not share the line with it (docs/decisions/0035). A signed-in person waits for what needs the code.
  function afterFirstPaint(then) {
    var isDone = isLoading;
    function once() {
      if (isDone) return;
      isDone = true;
      then();
    }
    requestAnimationFrame(function () {
      setTimeout(once);
    });
    // A page in the background is not painted.
    if (document.hidden) once();
    setTimeout(once, PAINTED_MS);
  }

  function isOurs(name) {
    return name.indexOf(prefix + '.') === 0;
  }

  // Whether this browser has stored anything of this app. The answer is yes also if the browser does not
  // say so, or not within three seconds.
  function hasTraces() {
    // The database of version 1 had the prefix as its name.
    function isDatabase(database) {
      return database.name === prefix + '-2' || database.name === prefix;
    }
    return new Promise(function (tell) {
      setTimeout(tell, 3000, true);
      try {
        if (Object.keys(localStorage).concat(Object.keys(sessionStorage)).some(isOurs)) return tell(true);
        indexedDB.databases().then(
          function (databases) {
            tell(databases.some(isDatabase));
          },
          function () {
            tell(true);
          }
        );
      } catch (denied) {
        tell(true);
      }
    });
  }

  // A page of links works without the code. So in a browser that has stored nothing, the code loads when a
  // person reaches for a link or a button, or when another tab has stored something
  // (docs/decisions/0037).
  function whenReachedFor(then) {
    function reach(event) {
      if (isLoading || !event.target.closest('a, button')) return;
      // A finger that touches a link follows it at once, and the code would come too late.
      if (event.pointerType !== 'touch') then();
    }
    function look() {
      if (hasStored || document.hidden) return;
      hasTraces().then(function (found) {
        if (!found || hasStored) return;
        hasStored = true;
        if (isStored()) root.dataset.session = 'maybe';
        if (isMissed && !reloadOnce()) say('failed');
        then();
      });
    }
    ['pointerover', 'pointerdown', 'focusin'].forEach(function (what) {
      document.addEventListener(what, reach, { passive: true });
    });
    addEventListener('storage', function (event) {
      if (event.key === null || isOurs(event.key)) look();
    });
    // The page comes out of the background, or out of the memory of the browser.
    document.addEventListener('visibilitychange', look);
    addEventListener('pageshow', look);
    look();
  }

  // Whether a person is signed in, as the script before this one reads it.
  function isStored() {
    try {
      return !!JSON.parse(localStorage.getItem(prefix + '.session')).session_id;
    } catch (none) {
      return false;
    }
  }

  // The switch to the other language leads back to this page. The page is loaded again, so a person who
  // would lose something is asked first.
  document.addEventListener('click', function (event) {
    var link = event.target.closest('a[hreflang]');
    if (!link) return;
    link.search = 'next=' + encodeURIComponent(location.pathname + location.search);
    // The browser keeps it over the redirect, and the server does not see it.
    link.hash = location.hash;
    // This page stays.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    var wouldLose = hasText() || document.querySelector('.keep-code') || root.dataset.stores === 'nothing';
    if (wouldLose && !confirm(sentences[4])) event.preventDefault();
  });
  new MutationObserver(calm).observe(root, { attributeFilter: ['data-hydrated'] });
  addEventListener(
    'error',
    function (event) {
      if (event.target.rel === 'stylesheet') reloadOnce();
    },
    true
  );
  // The browser reads on meanwhile, and asks for the style first.
  if (root.dataset.session === 'maybe') setTimeout(load);
  else if (isOnlyLinks)
    whenReachedFor(function () {
      afterFirstPaint(load);
    });
  else afterFirstPaint(load);
})
