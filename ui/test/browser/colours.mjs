// Every colour on the page is a token, and the parts that carry meaning have theirs.
const MEANING = {
  hangup: { 'background-color': '--stop', color: '--on-stop' },
  decline: { 'background-color': '--stop', color: '--on-stop' },
  answer: { 'background-color': '--go', color: '--on-go' },
  'welcome-echo': { 'background-color': '--go', color: '--on-go' },
  save: { 'background-color': '--accent', color: '--on-accent' },
  'cert-refuse': { 'background-color': '--accent', color: '--on-accent' },
  'cert-trust': { 'background-color': '--surface', color: '--ink' },
  field: { 'background-color': '--surface' },
  tabs: { 'background-color': '--surface', 'border-top-color': '--line' },
  card: { 'background-color': '--surface', 'border-top-color': '--line' },
  input: { 'background-color': '--surface' },
  'line-name': { color: '--ink' },
  'line-state': { color: '--ink-2' },
  'pad-key': { color: '--ink' },
};

/** @returns {Promise<string[]>} a line for every colour that is none of the tokens, or not the part's own */
export async function compareColours(page) {
  return page.evaluate((meaning) => {
    const probe = document.createElement('i');
    document.body.append(probe);
    const resolve = (value) => {
      probe.style.color = value;
      return getComputedStyle(probe).color;
    };
    const tokens = {};
    for (const sheet of document.styleSheets)
      for (const rule of sheet.cssRules)
        if (rule.selectorText?.startsWith('[data-theme')) for (const name of rule.style) if (name.startsWith('--')) tokens[name] = resolve(`var(${name})`);
    const known = new Set([...Object.values(tokens), 'rgba(0, 0, 0, 0)', 'rgba(0, 0, 0, 0.35)']);
    probe.remove();
    const faults = new Set();
    if (Object.keys(tokens).length < 30) faults.add('the tokens were not found');
    const PROPERTIES = ['color', 'background-color', 'border-top-color', 'border-right-color'];
    for (const element of document.querySelectorAll('body *')) {
      if (element.closest('[inert]') && element.getAttribute('data-part') === null) continue;
      const style = getComputedStyle(element);
      for (const property of PROPERTIES) {
        const value = style.getPropertyValue(property);
        if (!known.has(value)) faults.add(`${property} ${value} of ${element.tagName.toLowerCase()}.${element.className} is no token`);
      }
    }
    for (const [part, colours] of Object.entries(meaning))
      for (const element of document.querySelectorAll(`[data-part="${part}"]:not([aria-disabled])`))
        for (const [property, token] of Object.entries(colours)) {
          const value = getComputedStyle(element).getPropertyValue(property);
          if (value !== tokens[token]) faults.add(`${property} of ${part} is ${value}, not ${token} ${tokens[token]}`);
        }
    return [...faults];
  }, MEANING);
}
