// Wazo: commands with an "op", a start, and bodies of events as they were published.
"use strict";
for (const version of [2, 1]) {
  protocols["wazo" + version] = {
    title: "Wazo, version " + version,
    dialect: "wazo",
    fields: { token: { label: "Token", placeholder: "for example: demo" } },
    path: "/",
    wants: {
      label: "Event name, or * for all you may see",
      placeholder: "an event name",
      nothing: "Nothing chosen: nothing will arrive.",
      suggests: (name) => name,
    },
    starts: true,
    publishes: true,
    mistake: () => "",
    refused: "",
    closings: [],
    where({ token }) {
      const shown = "/?token=" + (token && MASK) + "&version=" + version;
      return { target: "/?" + new URLSearchParams({ token, version }), shown };
    },

    talk(link) {
      const unanswered = []; // names whose subscription is not acknowledged yet, in order
      let started = false;
      const say = (op, data) => link.send(JSON.stringify(data === undefined ? { op } : { op, data }));

      function arrived(body, text) {
        if (!isObject(body)) return;
        const keys = Object.keys(body).filter((key) => key.startsWith("user_uuid:"));
        const users = keys.map((key) => key.slice("user_uuid:".length));
        link.arrived({ name: body.name, tenant: body.tenant_uuid, users, data: body.data, text });
      }

      // Version 2 wraps the body; taking it out of the text keeps it exactly as it was published.
      function bodyOf(text, message) {
        const head = /^\s*\{\s*"op":\s*"event",\s*"code":\s*0,\s*"data":\s*/.exec(text);
        return head ? text.slice(head[0].length, text.lastIndexOf("}")).trim() : JSON.stringify(message.data);
      }

      function answered(op) {
        if (op === "init") {
          link.ready();
        } else if (op === "start") {
          started = true;
          link.started();
          // What was sent after "start" is not acknowledged in version 1.
          if (version === 1) link.live(unanswered.splice(0));
        } else if (op === "subscribe") {
          link.live(unanswered.splice(0, 1));
        }
      }

      return {
        heard(message, text) {
          // Since the start, version 1 sends the bodies of events and nothing else.
          if (started && version === 1) arrived(message, text);
          else if (message.op === "event") arrived(message.data, bodyOf(text, message));
          else answered(message.op);
        },
        choose(names) {
          for (const name of names) say("subscribe", { event_name: name });
          if (started && version === 1) link.live(names); // not acknowledged
          else unanswered.push(...names);
        },
        drop: (name) => say("unsubscribe", { event_name: name }),
        start: () => say("start"),
      };
    },
  };
}
