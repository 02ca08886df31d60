// Starts the page, and tells the person if it does not start. It runs before all other code.
// It is in the page itself, because the page's other script may never arrive.
(function (script, module, parts, engine, sentences) {
  var root = document.documentElement;
  var PATIENCE_MS = 8000;
  var PAINTED_MS = 1500;
  var RELOADED = 'holdfast-page.reloaded';
  var NOT_AGAIN_MS = 300000;
  var WORDS = { slow: sentences[0], failed: sentences[1], old: sentences[2] };
  var alarm = null;
  var isBroken = false;
  var isReloading = false;

  function isAlive() {
    return root.dataset.hydrated === 'true' && !isBroken;
  }

  // A reload would lose what the person has typed meanwhile.
  function hasText() {
    return Array.from(document.querySelectorAll('input')).some(function (field) {
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
    if (isAlive() || !document.body) return;
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
    if (isAlive() || (!hasText() && reloadOnce())) return;
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
  function load() {
    var isMaybeSignedIn = root.dataset.session === 'maybe';
    [script, module].concat(parts, isMaybeSignedIn ? engine : []).forEach(preload);
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
    else start();
  }

  // A visitor first reads the page that the server has drawn. So its style comes first, and the code does
  // not share the line with it (docs/decisions/0035). A signed-in person waits for what needs the code.
  function afterFirstPaint(then) {
    var isDone = false;
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
  else afterFirstPaint(load);
})
