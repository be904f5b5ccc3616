// Failures are shown in a toast. Its button retries them.
import { $ } from "./dom.js";

// The button retries every write that has failed since the toast appeared, but only the last load.
let failedWrites = [];
let failedLoad = null;

function forgetFailures() {
  failedWrites = [];
  failedLoad = null;
}

function forgetDismissedFailures() {
  if (!$(".toast--error")) forgetFailures();
}

export function offerToRetry(write) {
  forgetDismissedFailures();
  failedWrites.push(write);
}

export function offerToReload(load) {
  forgetDismissedFailures();
  failedLoad = load;
}

export const isUndo = (url) => /\/changes\/\d+\/undo$/.test(url);

// Shows the toast of the template with this id; `reasons` are sentences that follow its text.
export function showErrorToast(id, ...reasons) {
  const toast = $(`#${id}`).content.cloneNode(true);
  $("span", toast).append(...reasons.map((reason) => ` ${reason}`));
  $(".toast", toast).dataset.of = id;
  $("#toasts").replaceChildren(toast);
}

// Once what failed has worked, in whatever way, its toast is out of date. Only the inbox has a list.
export function removeErrorToast(id) {
  const toast = $(`.toast[data-of=${id}]`);
  if (!toast) return;
  if (toast.contains(document.activeElement)) {
    ($(".row__link[aria-current]") ?? $("#list") ?? $("#main")).focus();
  }
  toast.remove();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-again]")) return;
  const failed = [...failedWrites, failedLoad].filter(Boolean);
  forgetFailures();
  for (const retry of failed) retry();
});
