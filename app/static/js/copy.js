// Copies the text of an element: <button data-copy="id of the element" data-copied="Copied">.
import { byId, speak } from "./dom.js";

const SHOWN_MS = 2000;

function select(element) {
  getSelection().selectAllChildren(element);
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const source = byId(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
  } catch {
    select(source); // Without https, scripts may not write to the clipboard. Ctrl C does.
    return;
  }
  const label = button.querySelector("span");
  const text = label.textContent;
  if (text === button.dataset.copied) return;
  label.textContent = button.dataset.copied;
  speak(button.dataset.copied);
  setTimeout(() => {
    label.textContent = text;
  }, SHOWN_MS);
});
