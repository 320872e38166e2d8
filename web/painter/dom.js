// Small helpers for building the panel.

// An element with attributes, listeners (onclick: …) and children.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const button = (text, title, onclick, attributes = {}) =>
  make("button", { type: "button", title, "aria-label": title, onclick, ...attributes }, text);

export function select(label, choices, onchange) {
  const element = make("select", { "aria-label": label, title: label, onchange: () => onchange(element.value) });
  setChoices(element, choices);
  return element;
}

// Choices are texts, or pairs of a value and what is shown for it.
export function setChoices(element, choices) {
  const { value } = element;
  element.replaceChildren(...choices.map((choice) => {
    const [own, shown] = Array.isArray(choice) ? choice : [choice, choice];
    return make("option", { value: own }, shown);
  }));
  element.value = value;
}

// A slider with its name and its number; `oninput` hears of every number, `onchange` of the last one.
export function slider(name, { min, max, step, value }, oninput, onchange = () => {}) {
  const number = make("output", {}, String(value));
  const input = make("input", {
    type: "range", min, max, step, value, "aria-label": name,
    oninput: () => {
      number.value = input.value;
      oninput(Number(input.value));
    },
    onchange: () => onchange(Number(input.value)),
  });
  const element = make("label", { class: "slider" }, make("span", {}, name), input, number);
  return {
    element,
    set(value) {
      input.value = value;
      number.value = input.value;
    },
  };
}

export const plain = (name) => name.replaceAll("_", " ");

// Keeps an element in the shape of a picture.
export function shape(element, width, height) {
  element.style.aspectRatio = `${width} / ${height}`;
  element.style.setProperty("--shape", width / height);
}
