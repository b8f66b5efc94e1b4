// The list of sent and received frames, newest first. The number of frames and the length of each are limited.
"use strict";
const Frames = {
  MAX: 500,
  LONGEST: 10000, // shown characters of one frame
  KINDS: { out: ["→", "sent"], in: ["←", "received"], note: ["·", "note"] },

  // Shows frames in a list, unless paused() returns true. Calls opened() when the user opens or closes a frame.
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
      const rest = text.length - Frames.LONGEST;
      code.textContent = rest > 0 ? text.slice(0, Frames.LONGEST) + "… (" + rest + " more characters)" : text;
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

    // A frame is on one line until the user opens it.
    list.addEventListener("click", ({ target }) => {
      const item = target.closest("li");
      if (!item || String(getSelection())) return; // the user selected text
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
