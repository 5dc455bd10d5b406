// At 200 % the small window is 180 x 280: every control can be scrolled to and pressed, and nothing lies beside the page.
/** @returns {Promise<string[]>} a line for every control that is out of reach */
export async function reachable(page) {
  return page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const faults = [];
    const name = (element) => element.getAttribute('aria-label') ?? (element.textContent?.trim().slice(0, 40) || element.getAttribute('data-part') || element.tagName);
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) faults.push(`the page is ${wide} wide`);
    for (const element of document.querySelectorAll('.scroll')) if (element.scrollWidth > element.clientWidth + 1) faults.push(`${element.className} scrolls sideways: ${element.scrollWidth} of ${element.clientWidth}`);
    const modal = document.querySelector('[role="dialog"]');
    for (const element of (modal ?? document).querySelectorAll('button, input, textarea, [role="option"]')) {
      if (element.closest('[inert]')) continue;
      element.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = element.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      const hit = document.elementFromPoint(x, y);
      const near = hit && (element.contains(hit) || hit.contains(element) || element.labels?.[0]?.parentElement?.contains(hit));
      if (!near) faults.push(`${name(element)} cannot be reached: at ${Math.round(x)},${Math.round(y)} lies ${hit ? name(hit) : 'nothing'}`);
      else if (hit !== element && hit.contains(element)) faults.push(`${name(element)} lies beneath ${hit.className}`);
    }
    return faults;
  });
}
