// One picture of all scenes, for judging by eye those that have no picture of their own.
/** Writes the contact sheet of `shots` to `path`. */
export async function contactSheet(browser, shots, path) {
  const page = await browser.newPage({ viewport: { width: 1860, height: 900 }, deviceScaleFactor: 1 });
  await page.setContent('<style>body{margin:12px;display:flex;flex-wrap:wrap;gap:12px;background:#888;font:12px sans-serif}figure{margin:0}img{width:294px;display:block}</style>');
  await page.evaluate(
    async (all) => {
      for (const { scene, data } of all) {
        const figure = document.createElement('figure');
        const image = new Image();
        image.src = `data:image/png;base64,${data}`;
        const words = document.createElement('figcaption');
        words.textContent = scene;
        figure.append(image, words);
        document.body.append(figure);
        await image.decode();
      }
    },
    shots.map(({ scene, shot }) => ({ scene, data: shot.toString('base64') })),
  );
  await page.screenshot({ path, fullPage: true });
  await page.close();
}
