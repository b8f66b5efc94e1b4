// The frames as they travel, newest first: text only, no more of them and of each than one can look at.
"use strict";
const Frames = {
  MAX: 500,
  LONGEST: 10000, // characters of one that are shown
  KINDS: { out: ["→", "sent"], in: ["←", "received"], note: ["·", "note"] },

  // Shows frames in a list, unless paused() says that somebody reads; opened() is told when somebody looks at one.
  of(list, paused, opened) {
    let waiting = [];
    let painting = false;

    function line({ at, kind, text }) {
      const item = document.createElement("li");
      item.className = kind;
      const time = document.createElement("time");
      time.dateTime = at.toISOString();
      time.textContent = time.dateTime.slice(17, 23);
      const arrow = document.createElement("button");
      [arrow.textContent, arrow.ariaLabel] = Frames.KINDS[kind];
      arrow.ariaExpanded = "false";
      arrow.className = "arrow";
      const code = document.createElement("code");
      const more = text.length - Frames.LONGEST;
      code.textContent = more > 0 ? text.slice(0, Frames.LONGEST) + "… (" + more + " characters more)" : text;
      item.append(time, arrow, code);
      return item;
    }

    function paint() {
      painting = false;
      if (paused()) return;
      list.prepend(...waiting.map(line).reverse());
      waiting = [];
      while (list.children.length > Frames.MAX) list.lastChild.remove();
    }

    function paintSoon() {
      if (painting) return;
      painting = true;
      requestAnimationFrame(paint);
    }

    // Each is on one line, unless somebody wants to see all of it.
    list.addEventListener("click", ({ target }) => {
      const item = target.closest("li");
      if (!item || String(getSelection())) return; // a selection was made, not a click
      item.querySelector(".arrow").ariaExpanded = String(item.classList.toggle("open"));
      opened();
    });

    return {
      add(kind, text) {
        waiting.push({ at: new Date(), kind, text });
        if (waiting.length > Frames.MAX) waiting.shift();
        paintSoon();
      },
      paint: paintSoon,
      clear() {
        waiting = [];
        list.replaceChildren();
      },
    };
  },
};
