// What strangers send becomes text and nothing else (CONFORMANCE S4, S5): every remote field of nine views is filled
// with markup, script, direction marks and endless names. It is shown, but no element appears, nothing is asked of the
// phone, nothing moves, and the number stays readable.
const VIEWS = ['home', 'incoming', 'incall', 'two', 'ended', 'callwin', 'evidence', 'settings', 'sound'];

/** @returns {Promise<string[]>} a line for every string that did something */
export async function hostileNames(page, url, view) {
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
  });
  await page.goto(`${url}/gallery.html?scene=${view}`);
  await page.waitForFunction(() => window.gallery?.ready === true);
  // The facts of a certificate are there to be read in full, on as many lines as they take.
  const still = view !== 'evidence';
  return page.evaluate(async (still) => {
    const markup = ['<b>x</b>', '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"><svg onload=alert(1)>', "'-alert(1)-'", '{@html 1}', '${alert(1)}', 'javascript:alert(1)', '</bdi></h1><iframe src=//evil>', '<style>*{display:none}</style>', '&lt;b&gt;', '<!--', ']]>', '<a href=javascript:1>'];
    const twists = ['\u202e', '\u202d', '\u2066', '\u2067', '\u200f', '\u200b', '\u0000', '\u0007', '\r\n', '\u2028', '\u0301'.repeat(60), '\u{e0041}', '\ufeff', 'а', '👩‍👩‍👧', 'ﷺ', 'مريم', '周', 'W', ' '];
    const strings = [];
    for (let k = 0; strings.length < 500; k++) {
      const [one, other] = [markup[k % markup.length], twists[Math.floor(k / markup.length) % twists.length]];
      const text = [one + other, other + one, (one + other).repeat(40), other.repeat(3) + one][Math.floor(k / 7) % 4] + (k % 3 === 0 ? 'W'.repeat(k * 5) : '');
      strings.push({ text, one });
    }
    const count = () => document.querySelectorAll('*').length;
    const boxes = () => JSON.stringify([...document.querySelectorAll('[data-part="row"], [data-part="place"], [data-part="hangup"], [data-part="answer"], [data-part="decline"], [data-part="card"], [data-part="face"]')].map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x, y, width, height].map(Math.round);
    }));
    // All of the window's own work is done in microtasks; measuring the boxes then lays the page out.
    const settled = () => new Promise((done) => setTimeout(done));
    const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const phone = window.gallery.phone;
    const first = structuredClone(phone.state);
    const party = (text, was) => ({ ...was, name: text, nameFrom: 'caller', uri: `sip:${text}@example.com` });
    const fill = (text) =>
      phone.change({
        calls: first.calls.map((call) => ({ ...call, with: party(text, call.with), asked: text, media: { ...call.media, codec: text, srtp: text, cipher: text, local: text, remote: text } })),
        accounts: first.accounts.map((account) => ({ ...account, name: text, displayName: text, server: text, line: { ...account.line, server: text }, security: { tls: text, cipher: text, digest: text, cert: { ...account.security.cert, subject: text, issuer: text, names: [text] } } })),
        devices: { ...first.devices, microphones: first.devices.microphones.map((one) => ({ ...one, name: text })), speakers: first.devices.speakers.map((one) => ({ ...one, name: text })) },
        historySeq: phone.state.historySeq + 1,
      });
    const faults = [];
    // The same amount of text, but harmless, is what everything is measured against.
    window.gallery.text = 'Plain Name';
    fill('Plain Name');
    await drawn();
    await drawn();
    const [elements, places, asked] = [count(), boxes(), () => phone.asked.filter((command) => command.do !== 'history').length];
    const before = asked();
    for (const { text, one } of strings) {
      window.gallery.text = text;
      fill(text);
      await settled();
      const shown = JSON.stringify(text.slice(0, 40));
      if (!document.body.textContent.includes(one)) faults.push(`${shown} is not shown`);
      if (count() !== elements) faults.push(`${shown}: ${count()} elements instead of ${elements}`);
      if (still && boxes() !== places) faults.push(`${shown} moved something`);
      const numbers = first.calls.map((call) => call.with.number).filter((number) => !document.body.textContent.includes(number));
      if (numbers.length > 0 && document.querySelector('[data-part="who"], [data-part="card"]')) faults.push(`${shown} hid ${numbers}`);
      if (/[\u202a-\u202e\u200e\u200f]/.test(document.body.textContent)) faults.push(`${shown} left a mark of direction`);
    }
    await drawn();
    if (asked() !== before) faults.push(`the phone was asked for ${asked() - before} things`);
    if (window.violations.length > 0) faults.push(`the policy was touched: ${window.violations}`);
    return faults.slice(0, 5);
  }, still);
}
export { VIEWS as HOSTILE_VIEWS };
