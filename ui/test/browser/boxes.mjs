// The app's named parts beside those of the pictures. The boxes in pictures.json were measured in the pictures' own
// source; `null` stands where a feature that does not exist yet changes the width or place of its neighbour.
const FREE = 8;

/** @returns {Promise<string[]>} a line for every part that is missing or lies more than 8 px away */
export async function compareBoxes(page, wanted) {
  const found = await page.evaluate(() => {
    const boxes = {};
    const counts = {};
    for (const element of document.querySelectorAll('[data-part]')) {
      const part = element.getAttribute('data-part');
      counts[part] = (counts[part] ?? 0) + 1;
      const { x, y, width, height } = element.getBoundingClientRect();
      boxes[`${part}-${counts[part]}`] = [x, y, width, height];
    }
    return boxes;
  });
  const faults = [];
  for (const [part, box] of Object.entries(wanted)) {
    const is = found[part];
    if (!is) {
      faults.push(`part ${part} is missing`);
      continue;
    }
    ['x', 'y', 'width', 'height'].forEach((name, k) => {
      if (box[k] !== null && Math.abs(is[k] - box[k]) > FREE) faults.push(`part ${part}: ${name} is ${is[k].toFixed(1)}, in the picture ${box[k]}`);
    });
  }
  return faults;
}
