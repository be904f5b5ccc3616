// The connection to the server: the offline banner, and one event stream for all tabs of this browser.
import { $, focusRow } from "./dom.js";
import { refresh } from "./live.js";

// Milliseconds between refreshes: with a stream as a safety net, without one instead of it.
const INTERVAL_WITH_STREAM = 60_000;
const INTERVAL_WITHOUT_STREAM = 15_000;

let lastOnlineAt = new Date();

function setOnline(isOnline) {
  const banner = $("#offline");
  document.body.toggleAttribute("data-offline", !isOnline);
  if (isOnline) lastOnlineAt = new Date();
  if (!banner) return;
  if (isOnline && banner.contains(document.activeElement)) focusRow(null);
  banner.hidden = isOnline;
  if (!isOnline) showTime($("time", banner));
}

function showTime(element) {
  const { zone, cycle } = element.dataset;
  const options = { timeStyle: "short", timeZone: zone, hourCycle: cycle };
  element.textContent = lastOnlineAt.toLocaleTimeString(document.documentElement.lang, options);
}

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx) setOnline(false);
});
// A response that was under way when the line broke may still arrive. It does not mean that the line is back.
document.addEventListener("htmx:after:request", () => setOnline(navigator.onLine));
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-retry]")) refresh();
});
window.addEventListener("offline", () => setOnline(false));
window.addEventListener("online", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

const otherTabs = "BroadcastChannel" in window ? new BroadcastChannel("bellhop") : null;
if (otherTabs) otherTabs.onmessage = refresh;

function refreshAllTabs() {
  refresh();
  otherTabs?.postMessage("inbox");
}

function openStream() {
  let timer;
  let interval;
  // A broken stream fails every few seconds. The timer must not start anew each time.
  const refreshEvery = (milliseconds) => {
    if (milliseconds === interval) return;
    interval = milliseconds;
    clearInterval(timer);
    timer = setInterval(refreshAllTabs, milliseconds);
  };
  refreshEvery(INTERVAL_WITH_STREAM);
  const source = new EventSource($("#live").dataset.stream);
  source.addEventListener("inbox", refreshAllTabs);
  source.onopen = () => {
    refreshEvery(INTERVAL_WITH_STREAM);
    refreshAllTabs();
  };
  source.onerror = () => {
    refreshEvery(INTERVAL_WITHOUT_STREAM);
    if (source.readyState !== EventSource.CLOSED) return;
    // The session has ended, and the refresh leads to the sign-in page. Or the server has no stream to spare: ask later.
    refreshAllTabs();
    setTimeout(() => {
      clearInterval(timer);
      openStream();
    }, INTERVAL_WITH_STREAM);
  };
}

// The tab that holds the lock has the stream. When it is closed, another tab gets the lock.
if (navigator.locks) navigator.locks.request("bellhop-stream", () => new Promise(openStream));
else openStream();
