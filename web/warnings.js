// A warning stands on the node that gave it, until that node runs again, and is shown once as a message.
import { app } from "../../scripts/app.js";

const NAME = "facemug_warnings";
const SECONDS = 1000;
const LEAST = 48, MOST = 160; // pixels that a node keeps free; what is longer is scrolled

app.registerExtension({
  name: "FACEMUG.Warnings",
  setup() {
    app.api.addEventListener("executing", ({ detail }) => clear(findNode(detail)));
    app.api.addEventListener("facemug.warning", ({ detail: { node: id, message } }) => {
      const node = findNode(id);
      if (node && !write(node, message)) return;
      app.extensionManager.toast.add({
        severity: "warn", summary: node?.title ?? "FACEMUG", detail: message, life: 10 * SECONDS,
      });
    });
  },
});

// The node of a prompt's id; in a subgraph, ids of the nodes on the way to it stand before its own.
function findNode(id) {
  let graph = app.rootGraph ?? app.graph, node = null;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(part) ?? null;
    graph = node?.subgraph;
  }
  return node;
}

function widgetOf(node) {
  return node?.widgets?.find(({ name }) => name === NAME);
}

// Whether it is new there: each picture of a batch may give the same one.
function write(node, message) {
  const { element } = widgetOf(node) ?? added(node);
  const line = document.createElement("div");
  line.textContent = `⚠ ${message}`;
  if ([...element.children].some((other) => other.textContent === line.textContent)) return false;
  element.append(line);
  node.setDirtyCanvas(true);
  return true;
}

function added(node) {
  const element = document.createElement("div");
  element.className = NAME;
  Object.assign(element.style, {
    overflowY: "auto", padding: "4px 8px", borderRadius: "4px", fontSize: "12px", lineHeight: "1.3",
    color: "#fde68a", background: "#422006", userSelect: "text",
  });
  const getMinHeight = () => Math.min(Math.max(element.scrollHeight, LEAST), MOST);
  const widget = node.addDOMWidget(NAME, NAME, element, { serialize: false, getMinHeight });
  widget.serialize = false;
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
  return widget;
}

function clear(node) {
  const widget = widgetOf(node);
  if (!widget) return;
  node.removeWidget(widget);
  node.setDirtyCanvas(true);
}
