// A protocol, as the page sees it, is an object with
//   title       what people call it;  dialect: what the gateway does
//   fields      the fields of the form that it needs, each with its label;  path: where it is, at first
//   wants       what step 2 asks for: label, placeholder, what it means to choose nothing, and what an event's
//               name suggests to choose
//   starts      whether events come only after a start;  publishes: whether its token opens /publish
//   mistake     (fields) -> why one need not even try, or "";  refused: what else it can mean that no connection comes
//   dropped     what else it can mean, if anything, that a connection ends without a close frame
//   closings    closings of its own, like those in the page
//   where       (fields) -> { target, login, shown }: path and query; "user:password", if it goes into the address;
//               and the target with what is secret in it masked
//   talk        (link, fields) -> { opened?, heard, choose, drop, start? }: one connection's conversation
// and a link has send(text, shown), ready(), started(), live(names), arrived(event) and chosen(). What is sent is shown
// as `shown`, if that is given. An event has name, tenant, users (uuids), data and text, the JSON as it came.
"use strict";
const protocols = {};
const MASK = "••••";
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

for (const version of [2, 1]) {
  protocols["wazo" + version] = {
    title: "Wazo, version " + version,
    dialect: "wazo",
    fields: { token: "Token" },
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
