// A field with a list of options (WAI-ARIA's combobox). The focus stays in the field; the arrow keys move the active option.
import { $$ } from "./dom.js";

const OPTIONS = "[role=option]";

export class Combobox {
  // `isFirstActive` says that Enter chooses the first option until another one is active.
  constructor(box, list, { isFirstActive = false } = {}) {
    Object.assign(this, { box, list, isFirstActive });
    box.addEventListener("keydown", (event) => this.#press(event));
    list.addEventListener(
      "pointermove",
      ({ target }) => this.activate(target.closest(OPTIONS) ?? this.active),
    );
    // The field keeps the focus when an option is pressed.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get options() {
    return $$(OPTIONS, this.list).filter((option) => option.checkVisibility());
  }

  get active() {
    return this.list.querySelector(`${OPTIONS}[aria-selected=true]`);
  }

  activate(option) {
    for (const other of $$(`${OPTIONS}[aria-selected=true]`, this.list)) {
      other.setAttribute("aria-selected", "false");
    }
    if (!option) {
      this.box.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    this.box.setAttribute("aria-activedescendant", option.id);
  }

  refresh() {
    const { options } = this;
    this.box.setAttribute("aria-expanded", String(options.length > 0));
    if (!options.includes(this.active)) this.activate(this.isFirstActive ? options[0] : null);
  }

  #move(step) {
    const { options } = this;
    if (!options.length) return;
    const index = options.indexOf(this.active);
    const next =
      options[index < 0 && step < 0 ? options.length - 1 : (index + step + options.length) % options.length];
    this.activate(next);
    next.scrollIntoView({ block: "nearest" });
  }

  #press(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && this.options.length) {
      event.preventDefault();
      this.#move(step);
    } else if (event.key === "Enter" && this.active?.checkVisibility()) {
      event.preventDefault();
      this.active.click();
    }
  }
}
