// What a script that got into the page would try (CONFORMANCE H2). Each attempt has to fail, and the policy has to be
// what stopped it. Here, and only here, the linter lets one write what it bans.
/** @returns {Promise<string[]>} a line for everything that got through */
export async function attacks(page) {
  await page.waitForSelector('[data-part="line-name"]');
  return page.evaluate(async () => {
    // What the debugger evaluates may use eval whatever the policy says; a later task of the page may not.
    await new Promise((done) => setTimeout(done));
    const faults = [];
    const tries = {
      'an inline script': () => { const script = document.createElement('script'); script.textContent = 'window.broken = 1'; document.body.append(script); },
      eval: () => { window.broken = (0, eval)('1'); },
      Function: () => { window.broken = new Function('return 1')(); },
      'a string timer': () => { setTimeout('window.broken = 1', 0); },
      innerHTML: () => { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.broken = 1">'); },
      'an event attribute': () => { document.body.setAttribute('onclick', 'window.broken = 1'); document.body.click(); },
      'a remote picture': () => new Promise((done) => { const image = new Image(); image.onerror = done; image.onload = () => { window.broken = 1; done(); }; image.src = 'http://127.0.0.1:9/x.png'; }),
      fetch: () => fetch('http://127.0.0.1:9/').then(() => { window.broken = 1; }),
      'a WebSocket': () => { new WebSocket('ws://127.0.0.1:9/'); },
      'an inline style': () => { const style = document.createElement('style'); style.textContent = 'body { color: red }'; document.head.append(style); if (style.sheet?.cssRules.length) window.broken = 1; },
      'a frame': () => { const frame = document.createElement('iframe'); frame.src = 'http://127.0.0.1:9/'; document.body.append(frame); },
    };
    for (const [name, attempt] of Object.entries(tries)) {
      window.broken = 0;
      const before = window.violations.length;
      let refused = false;
      try {
        await attempt();
      } catch {
        refused = true;
      }
      for (let turn = 0; turn < 600 && window.violations.length === before && !refused; turn++) await new Promise((done) => requestAnimationFrame(done));
      if (window.broken) faults.push(`${name} got through`);
      else if (!refused && window.violations.length === before) faults.push(`${name} was not stopped by the policy`);
    }
    return faults;
  });
}
