// FACEMUG Painter: shows the node's text as a panel for painting.
import { app } from "../../scripts/app.js";
import { Panel } from "./painter/panel.js";

const NODE = "FACEMUG_Painter", WIDGET = "FACEMUG_PAINTER";
const SIZE = [1000, 860], LEAST_HEIGHT = 600;

document.head.append(Object.assign(document.createElement("link"), {
  rel: "stylesheet", href: new URL("./painter/painter.css", import.meta.url).href,
}));

app.registerExtension({
  name: "FACEMUG.Painter",
  getCustomWidgets: () => ({
    [WIDGET](node, name, [, options]) {
      const value = (widget) => node.widgets?.find((one) => one.name === widget)?.value;
      const panel = new Panel(options, {
        model: () => ({ size: value("size"), precision: value("precision") }),
        changed() {
          widget.callback?.(panel.text);
          app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.();
        },
      });
      const widget = node.addDOMWidget(name, WIDGET, panel.element, {
        getValue: () => panel.text,
        setValue: (text) => panel.load(text),
        getMinHeight: () => LEAST_HEIGHT,
        hideOnZoom: false,
      });
      widget.onRemove = () => panel.close();
      widget.serializeValue = () => panel.saved();
      return { widget };
    },
  }),
  nodeCreated(node) {
    if (node.comfyClass === NODE) node.setSize(SIZE.map((side, axis) => Math.max(side, node.size[axis])));
  },
});
