// Opens templates of a pack in headless Chromium, runs each, and takes its picture.
//   node browser.mjs URL PACK FOLDER TEMPLATE...
// Prints one JSON line per template: what is missing, how the run ended, how many pictures are shown, which nodes
// overlap.
import { chromium } from 'playwright-core';

const [url, pack, folder, ...templates] = process.argv.slice(2);
const SECONDS = 1000, START = 300 * SECONDS, RUN = 600 * SECONDS;
// Small while nobody looks: drawing without a GPU takes the time that the run needs.
const RUNNING = { width: 1280, height: 720 }, SHOWN = { width: 2800, height: 1500 };

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage({ viewport: RUNNING });
page.setDefaultTimeout(START);
let errors = [];
page.on('pageerror', error => errors.push(error.message));

for (const name of templates) {
  errors = [];
  const query = new URLSearchParams({ template: name, source: pack });
  await page.setViewportSize(RUNNING);
  await page.goto(`${url}/?${query}`, { waitUntil: 'domcontentloaded' });
  await page.waitForFunction(
    expected => window.app?.graph?.extra?.name === expected, name, { timeout: START });
  const missing = await page.evaluate(() => {
    const graphs = [app.graph, ...(app.graph.subgraphs?.values() ?? [])];
    return graphs.flatMap(graph => graph.nodes).map(node => node.type)
      .filter(type => !LiteGraph.registered_node_types[type]);
  });
  const end = await page.evaluate(async limit => {
    const ends = ['execution_success', 'execution_error', 'execution_interrupted'].map(kind =>
      new Promise(resolve => app.api.addEventListener(kind,
        event => resolve([kind, event.detail?.exception_message].filter(Boolean).join(': ')))));
    await app.queuePrompt(0, 1);
    return Promise.race([...ends, new Promise(resolve => setTimeout(() => resolve('too slow'), limit))]);
  }, RUN);
  await page.setViewportSize(SHOWN);
  await page.waitForTimeout(1 * SECONDS);
  await page.evaluate(() => app.extensionManager.command.execute('Comfy.Canvas.FitView'));
  await page.waitForTimeout(2 * SECONDS);
  const pictures = await page.evaluate(() => app.graph.nodes.filter(node => node.imgs?.length).length);
  const overlaps = await page.evaluate(() => {
    const boxes = app.graph.nodes.map(node => [node.title, ...node.getBounding()]);
    return boxes.flatMap(([title, x, y, w, h], i) => boxes.slice(i + 1)
      .filter(([, x2, y2, w2, h2]) => x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h)
      .map(([other]) => `${title} and ${other}`));
  });
  await page.screenshot({ path: `${folder}/${name}.png` });
  console.log(JSON.stringify({ name, missing, end, pictures, overlaps, errors }));
  if (end === 'too slow') break;
}
await browser.close();
