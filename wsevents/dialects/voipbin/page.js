// VoIPBIN: the credential is in the query; the client subscribes to topics and gets no replies.
"use strict";
protocols.voipbin = {
  title: "VoIPBIN",
  dialect: "voipbin",
  fields: {
    token: { label: "JWT or access key", placeholder: "for example: demo" },
    customer: { label: "Uuid of the customer (a JWT contains it)" },
    path: { label: "Path" },
  },
  path: "/v1.0/ws",
  choice: {
    label: "Type of resource such as call, a topic, or * for all",
    placeholder: "call",
    empty: "Nothing chosen: no events will arrive.",
    suggest: (name) => name.split("_", 1)[0],
  },
  problem(fields) {
    if (!fields.token) return "Enter a JWT or an access key.";
    return this.scope(fields) ? "" : "Enter the uuid of the customer: the token does not contain it.";
  },
  unreachableHint: "Or the token is invalid or has expired; a browser gets no details.",
  droppedHint: " VoIPBIN drops a connection to reject a message: perhaps you may not subscribe to one of the topics.",
  closings: [
    { code: 1008, reason: "token expired", meaning: "The token or the access key has expired.", advice: "get a new one, then connect again" },
  ],
  address({ token, path }) {
    return { target: path + "?" + new URLSearchParams({ token }), shown: path + "?token=" + MASK };
  },

  // The scope of all topics: the customer, or the agent if the JWT permits only its own topics.
  scope({ token, customer }) {
    if (customer) return "customer_id:" + customer;
    const ADMIN_OR_MANAGER = 0x61;
    try {
      const { agent } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
      return agent.permission & ADMIN_OR_MANAGER ? "customer_id:" + agent.customer_id : "agent_id:" + agent.id;
    } catch {
      return ""; // an access key, or an invalid token
    }
  },

  session(link, fields) {
    const scope = this.scope(fields);
    const topic = (name) => {
      if (name === "*") return scope + ":*";
      return name.includes(":") ? name : scope + ":" + name + ":*";
    };
    const send = (type, names) => link.send(JSON.stringify({ type, topics: names.map(topic) }));
    return {
      opened() {
        link.ready();
        link.started();
      },
      received(message, text) {
        const data = isObject(message.data) ? message.data : message;
        const users = [data.owner_id, data.agent_id, data.user_uuid].filter((id) => typeof id === "string").slice(0, 1);
        link.event({ name: message.type || message.event_type, tenant: data.customer_id, users, data, text });
      },
      subscribe(names) {
        send("subscribe", names);
        link.subscribed(names);
      },
      unsubscribe: (name) => send("unsubscribe", [name]),
    };
  },
};
