// VoIPBIN: who it is is in the query; topics are subscribed to, and nothing is ever replied.
"use strict";
protocols.voipbin = {
  title: "VoIPBIN",
  dialect: "voipbin",
  fields: {
    token: { label: "JWT or access key", placeholder: "for example: demo" },
    customer: { label: "Customer’s uuid (a JWT says it)" },
    path: { label: "Path" },
  },
  path: "/v1.0/ws",
  wants: {
    label: "Type of resource such as call, a topic, or * for all",
    placeholder: "call",
    nothing: "Nothing chosen: nothing will arrive.",
    suggests: (name) => name.split("_", 1)[0],
  },
  mistake(fields) {
    if (!fields.token) return "Enter a JWT or an access key.";
    return this.scope(fields) ? "" : "Enter the uuid of the customer: what was given as a token does not say it.";
  },
  refused: "Or the token is not valid or has ended; a browser does not learn which.",
  dropped: " VoIPBIN’s way to say no is that: perhaps to a topic that you may not subscribe to.",
  closings: [
    { code: 1008, reason: "token expired", meaning: "The token or the access key has expired.", advice: "get a new one, then connect again" },
  ],
  where({ token, path }) {
    return { target: path + "?" + new URLSearchParams({ token }), shown: path + "?token=" + MASK };
  },

  // What the topics begin with: the customer's, or those of an agent who may see no more.
  scope({ token, customer }) {
    if (customer) return "customer_id:" + customer;
    const ADMIN_OR_MANAGER = 0x61;
    try {
      const { agent } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
      return agent.permission & ADMIN_OR_MANAGER ? "customer_id:" + agent.customer_id : "agent_id:" + agent.id;
    } catch {
      return ""; // an access key, or nothing that can be read
    }
  },

  talk(link, fields) {
    const scope = this.scope(fields);
    const topic = (name) => {
      if (name === "*") return scope + ":*";
      return name.includes(":") ? name : scope + ":" + name + ":*";
    };
    const say = (type, names) => link.send(JSON.stringify({ type, topics: names.map(topic) }));
    return {
      opened() {
        link.ready();
        link.started();
      },
      heard(message, text) {
        const data = isObject(message.data) ? message.data : message;
        const users = [data.owner_id, data.agent_id, data.user_uuid].filter((id) => typeof id === "string").slice(0, 1);
        link.arrived({ name: message.type || message.event_type, tenant: data.customer_id, users, data, text });
      },
      choose(names) {
        say("subscribe", names);
        link.live(names);
      },
      drop: (name) => say("unsubscribe", [name]),
    };
  },
};
