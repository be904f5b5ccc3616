// What scripts add to the pages: keys, focus, the reading pane, live counts. Every action works without them.
import "./list.js";
import "./picks.js";
import "./pane.js";
import "./toasts.js";
import "./menus.js";
import "./keys.js";
import "./live.js";
import "./badge.js";
import "./search.js";
