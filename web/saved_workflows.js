// Front ends from 1.39.1 on showed the socket `boxes` of Detect & Align Faces as fields, and saved their values between
// those of `no_face` and `smooth`. Workflows saved so are read without them: `boxes` takes links only.
import { app } from "../../scripts/app.js";

const NODE = "FACEMUG_DetectFaces";
const BEFORE = 4; // values that stand before those of the fields
const FIELDS = 5; // the box, and each of its numbers again
const UNTOUCHED = [0, 0, 512, 512];

app.registerExtension({
  name: "FACEMUG.SavedWorkflows",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    const configure = nodeType.prototype.configure;
    nodeType.prototype.configure = function (saved, ...others) {
      return configure.call(this, withoutFields(saved), ...others);
    };
  },
});

function withoutFields(saved) {
  const boxes = saved.inputs?.find((input) => input.name === "boxes");
  if (!boxes?.widget || !Array.isArray(saved.widgets_values)) return saved;
  const values = [...saved.widgets_values];
  const [box] = values.splice(BEFORE, FIELDS);
  if (boxes.link == null) sayWhatIsIgnored(box);
  const { widget, ...socket } = boxes;
  const inputs = saved.inputs.map((input) => (input === boxes ? socket : input));
  return { ...saved, inputs, widgets_values: values };
}

// A box that was typed in has to be linked from now on. Numbers that are no box came from older workflows' values.
function sayWhatIsIgnored(box) {
  if (typeof box !== "object" || box === null) return;
  const numbers = [box.x, box.y, box.width, box.height];
  if (numbers.every((number, i) => number === UNTOUCHED[i])) return;
  app.extensionManager?.toast?.add({
    severity: "warn",
    summary: "Detect & Align Faces",
    detail:
      `The box that was typed in is ignored: x ${box.x}, y ${box.y}, width ${box.width}, height ${box.height}. ` +
      "To look for faces there only, connect a Bounding Box node with these numbers to boxes.",
  });
}
