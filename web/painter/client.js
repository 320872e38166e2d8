// What the painter asks of the host: files of its input folder, and answers of the pack's own routes.
import { api } from "../../../scripts/api.js";

const FOLDER = "facemug_painter"; // of ours, within the host's input folder

// Where the browser finds a file of the input folder.
export function fileUrl(file) {
  const parts = file.split("/"), filename = parts.pop();
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder: parts.join("/"), type: "input" })}`);
}

export function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("A picture of this painting is not in the input folder."));
    image.src = url;
  });
}

// The pictures that the host's Load Image lists.
export async function inputFiles() {
  const { LoadImage } = await (await api.fetchApi("/object_info/LoadImage")).json();
  const [first, options] = LoadImage.input.required.image;
  return Array.isArray(first) ? first : options.options;
}

// Stores a picture; returns its path within the input folder. Layers go to a folder of their own, under names that
// stand for what they show: a file never changes, so that every saved workflow keeps its own.
export async function upload(blob, name, layer = false) {
  const form = new FormData();
  form.append("image", blob, name);
  form.append("type", "input");
  if (layer) {
    form.append("subfolder", FOLDER);
    form.append("overwrite", "true");
  }
  const answer = await api.fetchApi("/upload/image", { method: "POST", body: form });
  if (!answer.ok) throw new Error(`The host did not take the picture ${name} (${answer.status} ${answer.statusText}).`);
  const stored = await answer.json();
  return [stored.subfolder, stored.name].filter(Boolean).join("/");
}

const BUSY = 409, WAIT = 700;

// Asks one of the pack's routes; waits while the host runs a workflow.
export async function ask(route, question, signal) {
  for (;;) {
    const answer = await api.fetchApi(`/facemug/painter/${route}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question), signal,
    });
    if (answer.status !== BUSY) {
      const value = await answer.json();
      if (!answer.ok) throw new Error(value.error);
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT));
    signal.throwIfAborted();
  }
}
