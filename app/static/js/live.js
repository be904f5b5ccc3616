// Open pages stay true: counts and title change in place, new rows wait behind the pill.
import { $, $$, focusRow, picked } from "./dom.js";
import { sentAway } from "./list.js";
import { openId } from "./pane.js";

const POLL = 15_000, CALM = 60_000;
const live = () => $("#live");
let goodAt = new Date(), beating = null, again = false;

// ---- how the inbox stands

async function beat() {
  if (beating) { again = true; return; }
  beating = true;
  const search = $("#list[data-first]") ? `?list=1&${$("#view").value}` : "";
  await htmx.ajax("GET", live().dataset.pulse + search, { target: "#live", swap: "outerHTML" });
  beating = false;
  compare();
  if (again) { again = false; beat(); }
}

const listed = () => (live().dataset.rows ?? "").split(" ").filter(Boolean);

// New is what the server lists above a row that is here, or anything where nothing is here.
function fresh() {
  const ids = listed();
  const here = new Set($$("#list .row").map((row) => row.id.slice(2)));
  const end = here.size ? ids.findLastIndex((id) => here.has(id)) : ids.length;
  return ids.slice(0, end < 0 ? ids.length : end).filter((id) => !here.has(id) && !sentAway.has(id));
}

function compare() {
  // Where the server no longer lists what went, it may come back: put off for an hour, or undone elsewhere.
  if (live().hasAttribute("data-rows")) for (const id of sentAway) if (!listed().includes(id)) sentAway.delete(id);
  const pill = $("#fresh");
  if (!pill || !$("#list[data-first]")) return;
  const ids = fresh();
  pill.hidden = !ids.length;
  $("[data-n]", pill).textContent = ids.length;
  if (ids.length && isIdle()) load();
}

// Never move what somebody looks at: only an untouched list takes new rows by itself.
function isIdle() {
  const list = $("#list"), scrolled = list.scrollTop > 8 || window.scrollY > 8;
  return !$("#list .row") || !(scrolled || picked().length || openId() || list.contains(document.activeElement) || list.matches(":hover"));
}

async function load() {
  const url = new URL($("#fresh").href);
  const length = $$("#list .row").length;
  if (length > 50) url.searchParams.set("limit", length);
  await htmx.ajax("GET", url.pathname + url.search, { target: "#list", swap: "outerMorph" });
  sentAway.clear();
  $("#fresh").hidden = true;
}

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-retry]")) beat();
  const pill = event.target.closest("#fresh");
  if (!pill) return;
  event.preventDefault();
  const first = fresh()[0];
  await load();
  const row = document.getElementById(`n-${first}`);
  row?.scrollIntoView({ block: "center" });
  focusRow(row);
});

// After a filter the pill leads to the list that is shown now.
document.addEventListener("htmx:after:history:push", () => {
  const pill = $("#fresh");
  if (pill) { pill.href = location.href; pill.hidden = true; }
});

// ---- offline

function reach(isOnline) {
  const banner = $("#offline");
  document.body.toggleAttribute("data-offline", !isOnline);
  if (isOnline) goodAt = new Date();
  if (!banner) return;
  if (!isOnline) $("time", banner).textContent = goodAt.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
  banner.hidden = isOnline;
}
document.addEventListener("htmx:error", ({ detail: { ctx } }) => ctx && reach(false));
document.addEventListener("htmx:after:request", () => reach(true));
window.addEventListener("offline", () => reach(false));
window.addEventListener("online", beat);

// ---- one stream for all tabs of this browser

const others = "BroadcastChannel" in window ? new BroadcastChannel("bellhop") : null;
const news = () => { beat(); others?.postMessage("inbox"); };
if (others) others.onmessage = beat;

function lead() {
  let timer = setInterval(news, CALM);
  const every = (time) => { clearInterval(timer); timer = setInterval(news, time); };
  const source = new EventSource(live().dataset.stream);
  source.addEventListener("inbox", news);
  source.onopen = () => { every(CALM); news(); };
  source.onerror = () => {
    every(POLL);
    if (source.readyState === EventSource.CLOSED) {
      // No stream is free: ask now and then, and look for one again later.
      setTimeout(() => { clearInterval(timer); lead(); }, CALM);
    }
  };
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
if (navigator.locks) navigator.locks.request("bellhop-stream", () => new Promise(lead));
else lead();
