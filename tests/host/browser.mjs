// Opens templates of a pack in headless Chromium, runs each, and takes its picture; builds an edit on an empty canvas;
// reads saved workflows.
//   node browser.mjs URL PACK FOLDER RENDERER JOBS
// RENDERER is `canvas` or `vue`: what shows the nodes. JOBS is a JSON file: files of templates by name, workflows by
// name, the files of the photos to load, and words to search nodes by. Prints one JSON line for each, with what was seen
// of it.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url, pack, folder, renderer, jobs] = process.argv.slice(2);
const { templates, saved, photo, group, map, words } = JSON.parse(readFileSync(jobs));
const SECONDS = 1000, START = 300 * SECONDS, RUN = 600 * SECONDS;
const VUE = 'Comfy.VueNodes.Enabled';
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

function say(report) {
  console.log(JSON.stringify({ ...report, errors }));
  errors = [];
}

// Opens the page; drafts of what was open before are left out.
async function open(query) {
  await page.setViewportSize(RUNNING);
  await page.goto(`${url}/system_stats`);
  await page.evaluate(() => { localStorage.clear(); sessionStorage.clear(); });
  await page.goto(`${url}/?${new URLSearchParams(query)}`, { waitUntil: 'domcontentloaded' });
  await page.waitForFunction(() => window.app?.graph && window.app.extensionManager?.setting);
}

// Queues what is open: the prompt's id and how it ended.
async function run() {
  return page.evaluate(async limit => {
    const ended = ['execution_success', 'execution_error', 'execution_interrupted'].map(kind =>
      new Promise(resolve => app.api.addEventListener(kind, ({ detail }) => resolve({
        prompt: detail.prompt_id, end: [kind, detail.exception_message].filter(Boolean).join(': ') }))));
    const refused = new Promise(resolve => {
      const queue = app.api.queuePrompt;
      app.api.queuePrompt = (...given) => queue.apply(app.api, given).catch(error => {
        resolve({ end: `refused: ${JSON.stringify(error.response ?? error.message)}` });
        throw error;
      });
    });
    const late = new Promise(resolve => setTimeout(() => resolve({ end: 'too slow' }), limit));
    app.queuePrompt(0, 1);
    return Promise.race([...ended, refused, late]);
  }, RUN);
}

// Takes a picture, and counts the nodes that show one and those that overlap.
async function look(name) {
  await page.setViewportSize(SHOWN);
  await page.waitForTimeout(1 * SECONDS);
  await page.evaluate(() => app.extensionManager.command.execute('Comfy.Canvas.FitView'));
  await page.waitForTimeout(2 * SECONDS);
  await page.screenshot({ path: `${folder}/${name}.png` });
  return page.evaluate(() => {
    const boxes = app.graph.nodes.map(node => [node.title, ...node.getBounding()]);
    const overlaps = boxes.flatMap(([title, x, y, w, h], i) => boxes.slice(i + 1)
      .filter(([, x2, y2, w2, h2]) => x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h)
      .map(([other]) => `${title} and ${other}`));
    const shows = node => node.imgs?.length || document.querySelector(`[data-node-id="${node.id}"] img`);
    return { pictures: app.graph.nodes.filter(shows).length, overlaps };
  });
}

await page.goto(`${url}/system_stats`);
await page.evaluate(([key, on]) => fetch('/settings', { method: 'POST', body: JSON.stringify({ [key]: on }) }),
  [VUE, renderer === 'vue']);

// An empty canvas, with two functions to build on it.
async function blank() {
  await open({});
  await page.evaluate(async () => {
    await app.extensionManager.command.execute('Comfy.NewBlankWorkflow');
    app.graph.clear();
    let x = 0;
    window.add = (type, values = {}) => {
      const node = LiteGraph.createNode(type);
      node.pos = [x += 420, 100];
      app.graph.add(node);
      for (const [name, value] of Object.entries(values)) {
        node.widgets.find(widget => widget.name === name).value = value;
      }
      return node;
    };
    window.link = (from, output, to, input) => from.connect(
      from.outputs.findIndex(({ name }) => name === output), to, to.inputs.findIndex(({ name }) => name === input));
  });
}

// Warnings on nodes by title, and those of them that a message shows as well.
async function warnings() {
  await page.waitForTimeout(2 * SECONDS);
  return page.evaluate(() => {
    const shown = Object.fromEntries(app.graph.nodes.flatMap(node => {
      const widget = node.widgets?.find(({ name }) => name === 'facemug_warnings');
      return widget?.element.isConnected ? [[node.title, [...widget.element.children].map(line => line.innerText)]] : [];
    }));
    const texts = [...document.querySelectorAll('*')].filter(one => !one.children.length).map(one => one.textContent);
    return { shown, messages: Object.values(shown).flat().filter(line => texts.includes(line.replace('⚠ ', ''))) };
  });
}

await blank();
say(await page.evaluate(async ([key, photo, group, words]) => {
  const own = Object.keys(LiteGraph.registered_node_types).filter(type => type.startsWith('FACEMUG_')).map(add);
  const sockets = Object.fromEntries(own.map(node =>
    [node.type, node.inputs.filter(input => !input.widget).map(input => input.name)]));
  const { $pinia } = document.getElementById('vue-app').__vue_app__.config.globalProperties;
  const { nodeSearchService } = $pinia._s.get('nodeDef');
  const found = Object.fromEntries(words.map(word => [word, nodeSearchService.searchNode(word, [], { limit: 64 }).map(node => node.name)]));
  app.graph.clear();
  const model = add('FACEMUG_LoadModel'), one = add('LoadImage', { image: photo });
  const edit = add('FACEMUG_Edit', { regions: 'hair' }), edited = add('PreviewImage');
  link(model, 'model', edit, 'model');
  link(one, 'IMAGE', edit, 'image');
  link(edit, 'edited', edited, 'images');
  const several = add('LoadImage', { image: group });
  const find = add('FACEMUG_DetectFaces', { which: 'left to right' }), crops = add('PreviewImage');
  link(model, 'model', find, 'model');
  link(several, 'IMAGE', find, 'image');
  link(find, 'crops', crops, 'images');
  const smile = add('FACEMUG_PortraitSliders', { smile: 1 });
  link(one, 'IMAGE', smile, 'image');
  return {
    kind: 'canvas', version: window.__COMFYUI_FRONTEND_VERSION__, fields: Object.keys(app.widgets), sockets,
    vue: app.extensionManager.setting.get(key), edited: String(edited.id), crops: String(crops.id),
    find: String(find.id), smile: String(smile.id), found,
    seen: edit.widgets.filter(widget => !widget.options.advanced).map(widget => widget.name),
  };
}, [VUE, photo, group, words]));
say({ kind: 'built', ...await run(), ...await look('built') });

await blank();
// Two renderers share a host: what the first has run would not run, and so not warn, for the second.
await page.evaluate(([photo, map, side]) => {
  const model = add('FACEMUG_LoadModel'), one = add('LoadImage', { image: photo });
  const mask = add('SolidMask', { value: 0, width: side, height: 100 });
  const edit = add('FACEMUG_Edit'), edited = add('PreviewImage');
  link(model, 'model', edit, 'model');
  link(one, 'IMAGE', edit, 'image');
  link(mask, 'MASK', edit, 'mask');
  link(edit, 'edited', edited, 'images');
  const drawn = add('LoadImage', { image: map }), scaled = add('ImageScaleBy', { scale_by: side / 400 });
  const semantic = add('FACEMUG_SemanticMap'), palette = add('PreviewImage');
  scaled.title = 'Scaled';
  link(drawn, 'IMAGE', scaled, 'image');
  link(scaled, 'IMAGE', semantic, 'image');
  link(semantic, 'palette', palette, 'images');
  scaled.widgets.find(({ name }) => name === 'upscale_method').value = 'bilinear';
}, [photo, map, renderer === 'vue' ? 380 : 360]);
const warned = { kind: 'warned', ...await run(), ...await warnings() };
say({ ...warned, ...await look('warned') });
await page.evaluate(() => {
  app.graph.nodes.find(({ title }) => title === 'Scaled').widgets
    .find(({ name }) => name === 'upscale_method').value = 'nearest-exact';
});
say({ kind: 'mended', ...await run(), ...await warnings() });

for (const [name, workflow] of Object.entries(saved)) {
  say({ kind: 'saved', name, prompt: await page.evaluate(async workflow => {
    await app.loadGraphData(workflow);
    return (await app.graphToPrompt()).output;
  }, workflow) });
}

// As people see them: the folder's page of the dialog.
async function titles() {
  await open({});
  await page.evaluate(() => app.extensionManager.command.execute('Comfy.BrowseTemplates'));
  await page.getByText(pack, { exact: true }).first().click();
  const cards = page.locator('[data-testid^="template-workflow-"]');
  await cards.first().waitFor();
  await page.screenshot({ path: `${folder}/templates.png` });
  return cards.evaluateAll(all => all.map(card => card.dataset.testid.replace('template-workflow-', '')));
}

say({ kind: 'titles', titles: await titles() });

for (const [name, file] of Object.entries(templates)) {
  await open({});
  await page.evaluate(async ([pack, file]) => {
    const answer = await app.api.fetchApi(`/workflow_templates/${pack}/${file}.json`);
    await app.loadGraphData(await answer.json(), true, true, file);
  }, [pack, file]);
  await page.waitForFunction(expected => window.app?.graph?.extra?.name === expected, name);
  const missing = await page.evaluate(() => {
    const graphs = [app.graph, ...(app.graph.subgraphs?.values() ?? [])];
    return graphs.flatMap(graph => graph.nodes).map(node => node.type)
      .filter(type => !LiteGraph.registered_node_types[type]);
  });
  const ended = await run();
  say({ kind: 'template', name, missing, ...ended, ...await look(name) });
  if (ended.end === 'too slow') break;
}
await browser.close();
