// Paints in the painter's panel in headless Chromium, as a person does.
//   node painter.mjs URL FOLDER RENDERER PHOTO
// RENDERER is `canvas` or `vue`: what shows the nodes. Screenshots go to FOLDER. Prints a JSON line with what was seen.
import { chromium } from 'playwright-core';

const [url, folder, renderer, photo] = process.argv.slice(2);
const SECONDS = 1000, VUE = 'Comfy.VueNodes.Enabled';

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage({ viewport: { width: 1500, height: 1150 } });
page.setDefaultTimeout(600 * SECONDS);
const errors = [];
page.on('pageerror', error => errors.push(error.message));

async function open() {
  await page.goto(`${url}/`, { waitUntil: 'domcontentloaded' });
  await page.waitForFunction(() => window.app?.graph && window.app.extensionManager?.setting);
}

const panel = page.locator('.facemug-painter');
const text = () => page.evaluate(() => app.graph.nodes.find(node => node.type === 'FACEMUG_Painter')
  .widgets.find(widget => widget.name === 'painting').value);
const layers = async () => JSON.parse(await text()).layers;
const canvas = name => page.evaluate(name => document.querySelector(`.facemug-painter ${name}`).toDataURL(), name);

// A place of the stage, in shares of its size, on the screen.
async function place(x, y) {
  const box = await panel.locator('.stage').boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
}

async function stroke(...places) {
  const [first, ...others] = await Promise.all(places.map(([x, y]) => place(x, y)));
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const other of others) await page.mouse.move(...other, { steps: 4 });
  await page.mouse.up();
}

// Waits until the text is not the one before: what was painted is stored.
async function stored(before) {
  await page.waitForFunction(before => app.graph.nodes.find(node => node.type === 'FACEMUG_Painter')
    .widgets.find(widget => widget.name === 'painting').value !== before, before);
}

// Waits until the panel shows the edit of its text.
async function shown() {
  await page.waitForFunction(() => document.querySelector('.facemug-painter .result').dataset.shown ===
    app.graph.nodes.find(node => node.type === 'FACEMUG_Painter')
      .widgets.find(widget => widget.name === 'painting').value);
}

async function look(name) {
  await page.waitForTimeout(SECONDS / 2);
  await page.screenshot({ path: `${folder}/painter_${name}.png` });
}

const report = {};
await page.goto(`${url}/system_stats`);
await page.evaluate(([key, on]) => fetch('/settings', { method: 'POST', body: JSON.stringify({ [key]: on }) }),
  [VUE, renderer === 'vue']);
await page.evaluate(() => { localStorage.clear(); sessionStorage.clear(); });

// One node on an empty canvas, and what shows its result.
await open();
await page.evaluate(async () => {
  await app.extensionManager.command.execute('Comfy.NewBlankWorkflow');
  app.graph.clear();
  const painter = LiteGraph.createNode('FACEMUG_Painter'), preview = LiteGraph.createNode('PreviewImage');
  painter.pos = [100, 100];
  preview.pos = [1200, 100];
  app.graph.add(painter);
  app.graph.add(preview);
  painter.connect(0, preview, 0);
});
await page.evaluate(() => app.extensionManager.command.execute('Comfy.Canvas.FitView'));
await panel.waitFor();
await page.waitForTimeout(SECONDS);
await look('empty');

// A photo; a part of the face by a click.
await panel.getByLabel('Photo', { exact: true }).selectOption(photo);
await panel.locator('.faces > div').waitFor();
report.faces = await panel.locator('.faces > div').count();
await panel.locator('[data-tool=region]').click();
let before = await text();
await stroke([0.5, 0.1]);
await stored(before);
report.region = (await layers()).mask.file;

// A stroke of color; undone and done again.
before = await text();
await panel.locator('[data-layer=color]').click();
await panel.locator('[data-tool=brush]').click();
await panel.getByLabel('Color', { exact: true }).fill('#2040c0');
await stroke([0.3, 0.25], [0.4, 0.1], [0.6, 0.1], [0.7, 0.25]);
await stored(before);
report.painted = (await layers()).color.file;
await shown();
const drawn = await canvas('.stage .layers'), result = await canvas('.result canvas');
await look('painted');
before = await text();
await page.keyboard.press('Control+z');
await stored(before);
report.undone = (await layers()).color.file;
before = await text();
await page.keyboard.press('Control+Shift+Z');
await stored(before);
report.redone = (await layers()).color.file;
report.same_after_redo = await canvas('.stage .layers') === drawn;

// The page is left and opened again.
report.text = await text();
const workflow = await page.evaluate(() => app.graph.serialize());
await page.evaluate(() => { localStorage.clear(); sessionStorage.clear(); });
await open();
await page.evaluate(workflow => app.loadGraphData(workflow), workflow);
await page.evaluate(() => app.extensionManager.command.execute('Comfy.Canvas.FitView'));
await panel.waitFor();
await shown();
report.same_text_after_reload = await text() === report.text;
report.same_after_reload = await canvas('.stage .layers') === drawn;
report.same_result_after_reload = await canvas('.result canvas') === result;

// The workflow runs.
Object.assign(report, await page.evaluate(async () => {
  const ended = ['execution_success', 'execution_error'].map(kind => new Promise(resolve =>
    app.api.addEventListener(kind, ({ detail }) => resolve({ end: kind, prompt: detail.prompt_id }))));
  app.queuePrompt(0, 1);
  return Promise.race(ended);
}));
report.shown = await page.evaluate(() => String(app.graph.nodes.find(node => node.type === 'PreviewImage').id));
report.result = await canvas('.result canvas');
await look('run');
console.log(JSON.stringify({ ...report, errors }));
await browser.close();
