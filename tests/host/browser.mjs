// Opens templates of a pack in headless Chromium, runs each, and takes its picture.
//   node browser.mjs URL PACK FOLDER TEMPLATE...
// Prints one JSON line per template: what is missing, how the run ended, how many pictures are shown.
import { chromium } from 'playwright-core';

const [url, pack, folder, ...templates] = process.argv.slice(2);
const SECONDS = 1000, START = 300 * SECONDS, RUN = 600 * SECONDS;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage({ viewport: { width: 2800, height: 1500 } });
page.setDefaultTimeout(START);
let errors = [];
page.on('pageerror', error => errors.push(error.message));

for (const name of templates) {
  errors = [];
  const query = new URLSearchParams({ template: name, source: pack });
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
  await page.waitForTimeout(1 * SECONDS);
  await page.evaluate(() => app.extensionManager.command.execute('Comfy.Canvas.FitView'));
  await page.waitForTimeout(2 * SECONDS);
  const pictures = await page.evaluate(() => app.graph.nodes.filter(node => node.imgs?.length).length);
  await page.screenshot({ path: `${folder}/${name}.png` });
  console.log(JSON.stringify({ name, missing, end, pictures, errors }));
}
await browser.close();
